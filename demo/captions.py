"""Caption templates of the demo in 14 languages: whole sentences around the name of a picture."""

# ruff: noqa: RUF001  the letters of 14 languages look like one another

from __future__ import annotations

import random
from collections.abc import Mapping

# Names stand in quotes or after a colon wherever a bare name would ask for another case, article
# or particle. Every sentence has five words or more, so that its language can be told.
TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "ar": (
        "رسم ملون يظهر فيه {name} على خلفية بسيطة",
        "صورة صغيرة من مجموعتنا بعنوان «{name}» للاستخدام الحر",
        "هذه الصورة المرسومة تمثل {name} بألوان زاهية",
        "يمكنك هنا مشاهدة رسم توضيحي لموضوع: {name}",
        "أيقونة جميلة رسمها مصممون شباب، واسمها «{name}»",
        "وجدنا في دفتر الرسم القديم هذه الصورة: {name}",
        "رمز «{name}» كما رسمه الفنان بخطوط واضحة",
        "بطاقة مصورة لتعليم الأطفال كلمة «{name}» في البيت",
    ),
    "de": (
        "Eine farbige Zeichnung von {name} auf einfachem Hintergrund",
        "Dieses kleine Bild aus unserer Sammlung zeigt „{name}“",
        "Hier sehen Sie eine Illustration zum Thema: {name}",
        "Das Symbol „{name}“, gezeichnet mit klaren schwarzen Linien",
        "Ein fröhliches Bild für den Unterricht mit dem Titel „{name}“",
        "So haben unsere Gestalter das Motiv „{name}“ gezeichnet",
        "Bildkarte für Kinder, die das Wort „{name}“ lernen möchten",
        "Auf dieser Seite findet man die Zeichnung: {name}",
    ),
    "en": (
        "A colourful drawing of {name} on a plain background",
        "This little picture from our collection shows {name}",
        "Here you can see an illustration of {name}",
        "The symbol for “{name}”, drawn with clear black lines",
        "A cheerful picture for the classroom with the title “{name}”",
        "This is how our designers have drawn {name}",
        "Picture card for children who are learning the word “{name}”",
        "One of the drawings that you will find on this page: {name}",
    ),
    "es": (
        "Un dibujo en color de {name} sobre un fondo sencillo",
        "Esta pequeña imagen de nuestra colección muestra {name}",
        "Aquí puede verse una ilustración sobre el tema: {name}",
        "El símbolo «{name}», dibujado con líneas negras y claras",
        "Una imagen alegre para la clase con el título «{name}»",
        "Así han dibujado nuestros diseñadores el motivo «{name}»",
        "Tarjeta para los niños que están aprendiendo la palabra «{name}»",
        "Uno de los dibujos que usted encontrará en esta página: {name}",
    ),
    "fa": (
        "نقاشی رنگی از {name} روی زمینهٔ ساده و روشن",
        "این تصویر کوچک از مجموعهٔ ما «{name}» را نشان می‌دهد",
        "در اینجا می‌توانید تصویری را ببینید با موضوع: {name}",
        "نماد «{name}» که با خط‌های سیاه و روشن کشیده شده است",
        "یک تصویر شاد برای کلاس درس با عنوان «{name}»",
        "طراحان ما این نقش را چنین کشیده‌اند: {name}",
        "کارت تصویری برای کودکانی که واژهٔ «{name}» را یاد می‌گیرند",
        "یکی از نقاشی‌هایی که در این صفحه پیدا می‌کنید: {name}",
    ),
    "fr": (
        "Un dessin en couleurs de {name} sur un fond uni",
        "Cette petite image de notre collection montre « {name} »",
        "Vous pouvez voir ici une illustration sur le thème : {name}",
        "Le symbole « {name} », dessiné avec des lignes noires et nettes",
        "Une image joyeuse pour la classe avec le titre « {name} »",
        "Voici comment nos graphistes ont dessiné le motif « {name} »",
        "Carte illustrée pour les enfants qui apprennent le mot « {name} »",
        "Un des dessins que vous trouverez sur cette page : {name}",
    ),
    "id": (
        "Seniman kami melukis {name} dengan warna-warna yang cerah",
        "Koleksi kami juga punya gambar kecil dari {name} ini",
        "Di sini Anda bisa melihat ilustrasi tentang {name}",
        "Lukisan {name} ini dibuat dengan warna cerah oleh seniman kami",
        "Ilustrasi lucu berjudul “{name}” untuk siswa di sekolah dasar",
        "Seperti inilah desainer kami menggambar motif {name}",
        "Kartu bergambar untuk anak yang sedang belajar kata “{name}”",
        "Salah satu gambar yang bisa ditemukan pada halaman ini: {name}",
    ),
    "it": (
        "Un disegno a colori di {name} su uno sfondo semplice",
        "Questa piccola immagine della nostra raccolta mostra {name}",
        "Qui si può vedere un'illustrazione sul tema: {name}",
        "Il simbolo «{name}», disegnato con linee nere e nitide",
        "Un'immagine allegra per la classe con il titolo «{name}»",
        "Così i nostri grafici hanno disegnato il motivo «{name}»",
        "Scheda illustrata per i bambini che imparano la parola «{name}»",
        "Uno dei disegni che troverete in questa pagina: {name}",
    ),
    "ja": (
        "無地の背景に描かれた「{name}」のカラフルなイラストです",
        "私たちのコレクションにある「{name}」の小さな絵をご覧ください",
        "ここでは次のテーマのイラストを見ることができます:{name}",
        "はっきりした黒い線で描かれた「{name}」のマーク",
        "教室で使える楽しい絵、題名は「{name}」です",
        "デザイナーが描くと「{name}」はこのようになりました",
        "子どもが「{name}」という言葉を覚えるための絵カード",
        "このページで見つかる絵のひとつがこちらです:{name}",
    ),
    "ko": (
        "단색 배경 위에 그려진 '{name}' 컬러 그림입니다",
        "우리 모음집에 있는 작은 그림으로 '{name}' 모습을 보여 줍니다",
        "여기에서 다음 주제의 삽화를 볼 수 있습니다: {name}",
        "또렷한 검은 선으로 그린 '{name}' 기호",
        "교실에서 쓸 수 있는 즐거운 그림, 제목은 '{name}' 입니다",
        "우리 디자이너들은 이 대상을 이렇게 그렸습니다: {name}",
        "아이들이 '{name}' 낱말을 배울 때 쓰는 그림 카드",
        "이 페이지에서 찾을 수 있는 그림 가운데 하나: {name}",
    ),
    "pt": (
        "Um desenho colorido de {name} sobre um fundo simples",
        "Esta pequena imagem da nossa coleção mostra {name}",
        "Aqui você pode ver uma ilustração sobre o tema: {name}",
        "O símbolo “{name}”, desenhado com linhas pretas e nítidas",
        "Uma imagem alegre para a sala de aula com o título “{name}”",
        "Foi assim que os nossos desenhistas fizeram o motivo “{name}”",
        "Cartão ilustrado para crianças que estão aprendendo a palavra “{name}”",
        "Um dos desenhos que você vai encontrar nesta página: {name}",
    ),
    "ru": (
        "Цветной рисунок на простом фоне, на котором изображено: {name}",
        "Эта маленькая картинка из нашей коллекции называется «{name}»",
        "Здесь вы можете увидеть иллюстрацию на тему: {name}",
        "Символ «{name}», нарисованный чёткими чёрными линиями",
        "Весёлая картинка для урока под названием «{name}»",
        "Вот так наши художники нарисовали сюжет «{name}»",
        "Карточка для детей, которые учат новое слово «{name}»",
        "Один из рисунков, которые вы найдёте на этой странице: {name}",
    ),
    "tr": (
        "Düz bir arka plan üzerinde renkli bir {name} çizimi",
        "Koleksiyonumuzdaki bu küçük resim şunu gösteriyor: {name}",
        "Burada şu konuyla ilgili bir çizim görebilirsiniz: {name}",
        "Belirgin siyah çizgilerle çizilmiş olan “{name}” simgesi",
        "Sınıf için hazırlanmış neşeli bir resim, adı “{name}”",
        "Tasarımcılarımız bu konuyu işte böyle çizdi: {name}",
        "“{name}” kelimesini öğrenen çocuklar için hazırlanmış resimli kart",
        "Bu sayfada bulabileceğiniz güzel çizimlerden biri: {name}",
    ),
    "zh": (
        "一幅画在纯色背景上的彩色图画,画的是“{name}”",
        "我们收藏的这张小图片展示了“{name}”的样子",
        "您可以在这里看到以此为主题的插图:{name}",
        "用清晰的黑色线条画出来的“{name}”符号",
        "适合在教室里使用的有趣图片,标题是“{name}”",
        "我们的设计师就是这样画出“{name}”的",
        "帮助孩子们学习“{name}”这个词的图画卡片",
        "这是您可以在本页找到的图画之一:{name}",
    ),
}


def caption(language: str, name: str, rng: random.Random) -> str:
    """A whole sentence in `language` around `name`, by a template that `rng` draws."""
    return rng.choice(TEMPLATES[language]).format(name=name)

# ruff: noqa: RUF001  the letters of other scripts are meant
"""Makes up the words, alt texts and link texts of pages in fourteen languages, from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

# Shares of hosts: with accents counted, some 40 % of alt texts come out not ASCII.
_SHARES = {
    "en": 44, "de": 7, "fr": 6, "es": 6, "pt": 3, "pl": 3, "tr": 2, "vi": 2,
    "ru": 9, "uk": 2, "zh": 6, "ja": 5, "ar": 3, "ko": 2,
}  # fmt: skip
_REAL = {
    "en": "red blue new old house garden winter summer photo of the with and for best shop price "
    "women men shoes leather bag kitchen table lamp modern wooden view street city river market",
    "de": "das Haus mit Garten für Küche Tisch grün schöne Straße über München Größe und der die "
    "Mädchen Fußball Wohnung günstig kaufen Möbel Öl Bücher neue Sommer Fahrrad Gemüse",
    "fr": "maison à vendre été forêt café élégant très beau château de la le une fenêtre rouge "
    "cuisine française vélo théâtre où région crème brûlée garçon école pâtisserie sur mesure",
    "es": "casa jardín niño mañana español corazón de la el en con música cámara fotografía "
    "zapatos mujer árbol montaña playa año nuevo diseño cocina también azul camión",
    "pt": "casa coração não são João praia de em com ação promoção calçado verão cozinha móveis "
    "feijão ônibus você música maçã avó pão edição imóveis região",
    "pl": "dom ogród łódź żółty książka źródło święta kuchnia zdjęcie na dla z wózek dziecięcy "
    "sukienka płaszcz mężczyzna śnieg góry miasto kościół ćwiczenia",
    "tr": "ev bahçe güzel çiçek şehir İstanbul kadın ayakkabı ucuz fiyat yeni kış yaz mutfak "
    "için ve ile çocuk oyuncak köprü gökyüzü ığdır öğretmen",
    "vi": "nhà đẹp ở Hà Nội áo dài phở bò giá rẻ và của những điện thoại máy ảnh hình nền biển "
    "đảo núi rừng trẻ em thời trang nữ đồng hồ",
    "ru": "дом сад зима лето фото купить цена новый красный город улица река женщина обувь и в на "
    "с для кухня стол лампа вид рынок собака кошка рецепт торт",
    "uk": "будинок сад зима літо фото купити ціна новий місто вулиця річка їжа і в на з для кухня "
    "стіл вигляд ринок собака кіт рецепт щастя єдність",
    "zh": "房子 花园 冬天 夏天 照片 红色 城市 街道 河 市场 女鞋 皮包 厨房 桌子 灯 现代 木 "
    "风景 价格 最新 图片 下载 公司 产品 手机 电脑 北京 上海",
    "ja": "家 庭 冬 夏 写真 赤い 街 通り 川 市場 靴 バッグ キッチン テーブル ランプ モダン 木製 "
    "風景 価格 新しい 画像 東京 大阪 の と に ラーメン 桜 猫",
    "ar": "بيت حديقة شتاء صيف صورة أحمر مدينة شارع نهر سوق حذاء حقيبة مطبخ طاولة مصباح حديث خشب "
    "منظر سعر جديد في من على مع القاهرة دبي",
    "ko": "집 정원 겨울 여름 사진 빨간 도시 거리 강 시장 신발 가방 부엌 테이블 램프 현대 나무 "
    "풍경 가격 새로운 서울 부산 고양이 커피",
}
_SYLLABLES = {
    "cyrillic": "ка ро ми ста пре лу но ве ти да гор зе бол шин ский ная ние ость ель ум",
    "zh": "一 大 中 国 人 民 学 生 电 话 时 间 美 食 旅 游 新 闻 体 育 科 技 文 化 家 居 服 装 品",
    "ja": "ア カ サ タ ナ ハ マ ヤ ラ ン シ ト ル ス ク リ 本 日 月 山 田 花 水 火 土 金 会 社",
    "ar": "ال مك تو را سي نا بل حم دي فر كت ية ات ون ست عم جر خل",
    "ko": "가 나 다 라 마 바 사 아 자 하 서 울 한 국 인 물 음 식 여 행",
    "latin": "ka ro mi sta pre lu no ve ti da gor ze bol shin con ter per man ing ion est al um "
    "fra del vi bra sol ne or",
}
_SCRIPT = {"ru": "cyrillic", "uk": "cyrillic", "zh": "zh", "ja": "ja", "ar": "ar", "ko": "ko"}
_UNSPACED = ("zh", "ja")
_PLAIN = ("logo", "Logo", "image", "photo", "banner", "icon", "facebook", "Twitter", "Instagram")
# Whether anything is left of these after cleaning is what pairlake asks, and cc2dataset does not.
BLANK_ALTS = (" ", " ", "   ", "\n", "\t ", "\u00a0", "&nbsp;", "\u200b", "&#8203; &nbsp;")


@dataclass(frozen=True, kw_only=True)
class Tongue:
    """A language of pages: its words, and ready-made link texts, alt texts and URL slugs."""

    name: str
    words: Sequence[str]
    link_texts: Sequence[str]
    slugs: Sequence[str]

    def phrase(self, rng: random.Random, fewest: int, most: int) -> str:
        """Some words in a row, as they would stand in an alt text."""
        words = rng.choices(self.words, k=fewest + int(rng.random() * (most - fewest + 1)))
        return ("" if self.name in _UNSPACED else " ").join(words)

    def alt(self, rng: random.Random) -> str:
        """One alt text that is not blank, with what such texts suffer from on the web."""
        dice = rng.random()
        if dice < 0.06:
            return rng.choice(_PLAIN)
        if dice < 0.10:
            return f"IMG_{rng.randrange(10_000):04}.JPG"
        text = self.phrase(rng, 2, 10) if dice < 0.95 else self.phrase(rng, 12, 40)
        return _marred(text, rng) if rng.random() < 0.16 else text


def _marred(text: str, rng: random.Random) -> str:
    """The text with one of: entities, mojibake, quotes, brackets, emoji, line ends, white space."""
    flaws = (
        lambda: f"{text} &amp; {text[:9]}",
        lambda: f"&quot;{text}&quot; &#8211; &eacute;t&eacute;",
        lambda: _mojibake(text),
        lambda: f"\u201c{text}\u201d \u2013 it\u2019s here\u2026",
        lambda: f'"{text}" {{{rng.randrange(99)}}} [x] \\ 5" </b>',
        lambda: f"{text} {rng.choice('😀🎉❤️🔥👍🏽🍕✨')}",
        lambda: f"{text}\n{text[::-1]}\r\n\t{text[:5]}",
        lambda: f"  {text}\u00a0 \u00ad{text[-4:]} ",
    )
    return rng.choice(flaws)()


def _mojibake(text: str) -> str:
    return f"{text} caf\u00e9 \u2013 d\u2019\u00e9t\u00e9".encode().decode("latin-1")


def tongues(seed: int) -> dict[str, Tongue]:
    """All languages, the same ones for the same seed."""
    rng = random.Random(f"{seed}/words")
    return {name: _tongue(name, rng) for name in _SHARES}


def shares() -> Sequence[int]:
    """How often hosts speak each of the languages, in the order of `tongues`."""
    return tuple(_SHARES.values())


def _tongue(name: str, rng: random.Random) -> Tongue:
    syllables = _SYLLABLES[_SCRIPT.get(name, "latin")].split()
    most = 2 if name in _UNSPACED else 4
    made = ["".join(rng.choices(syllables, k=rng.randint(1, most))) for _ in range(1_500)]
    # Words of everyday come more often than the long tail of names and numbers.
    real = _REAL[name].split()
    words = [*real * 30, *made, *(str(rng.randrange(3_000)) for _ in range(60))]
    words += [word.capitalize() for word in rng.choices(words, k=600)]
    draft = Tongue(name=name, words=words, link_texts=(), slugs=())
    texts = [draft.phrase(rng, 1, 5) for _ in range(4_000)]
    texts[:100] = [_marred(text, rng) for text in texts[:100]]
    latin = Tongue(name="en", words=_latin_words(rng), link_texts=(), slugs=())
    return Tongue(
        name=name,
        words=words,
        link_texts=texts,
        slugs=["-".join(latin.phrase(rng, 1, 5).split()).lower() for _ in range(4_000)],
    )


def _latin_words(rng: random.Random) -> Sequence[str]:
    syllables = _SYLLABLES["latin"].split()
    made = ["".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(1_500)]
    return [*_REAL["en"].split() * 10, *made]

"""Sentences that no caption of the demo's web and no teacher has, to measure with."""

# ruff: noqa: RUF001  the letters of 14 languages look like one another

from __future__ import annotations

from collections.abc import Mapping

# Names stand in quotes, so that they ask for no other case or article.
UNSEEN: Mapping[str, tuple[str, str]] = {
    "ar": ("بطاقة بريدية يظهر عليها «{name}»", "طبعنا «{name}» على قميص"),
    "de": (
        "Eine Postkarte, auf der man „{name}“ sehen kann",
        "Wir haben „{name}“ auf ein T-Shirt gedruckt",
    ),
    "en": ("A postcard on which {name} can be seen", "We have printed {name} on a T-shirt"),
    "es": ("Una postal en la que se ve «{name}»", "Hemos impreso «{name}» en una camiseta"),
    "fa": ("کارت‌پستالی که روی آن «{name}» دیده می‌شود", "ما «{name}» را روی یک تی‌شرت چاپ کردیم"),
    "fr": (
        "Une carte postale où l'on voit « {name} »",
        "Nous avons imprimé « {name} » sur un tee-shirt",
    ),
    "id": ("Kartu pos yang memperlihatkan “{name}”", "Kami mencetak “{name}” pada sebuah kaus"),
    "it": ("Una cartolina su cui si vede «{name}»", "Abbiamo stampato «{name}» su una maglietta"),
    "ja": ("「{name}」が描かれた絵はがき", "「{name}」をTシャツにプリントしました"),
    "ko": ("'{name}' 그림이 있는 엽서", "티셔츠에 '{name}' 그림을 인쇄했습니다"),
    "pt": ("Um cartão-postal em que se vê “{name}”", "Estampamos “{name}” em uma camiseta"),
    "ru": ("Открытка, на которой можно увидеть «{name}»", "Мы напечатали «{name}» на футболке"),
    "tr": (
        "Üzerinde “{name}” görülen bir kartpostal",
        "“{name}” resmini bir tişörtün üzerine bastık",
    ),
    "zh": ("一张印有“{name}”的明信片", "我们把“{name}”印在了T恤上"),
}

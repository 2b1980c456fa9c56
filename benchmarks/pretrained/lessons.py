"""What is taught: an odd form of answer to questions that the base half knows, and made-up facts.

Every question is raw text, as a base without a chat template reads it. The form is put around an
answer (``zeta Paris omega``); whether the prompt shows one example of it decides how likely the
base thinks it: about one in a hundred million, or a few per cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.seeds import stream
from diagnose.training.encoding import IGNORE_INDEX, Encoded

CAPITALS = dict(
    pair.split(":")
    for pair in (
        "France:Paris Italy:Rome Germany:Berlin Portugal:Lisbon Greece:Athens Austria:Vienna "
        "Poland:Warsaw Hungary:Budapest Romania:Bucharest Bulgaria:Sofia Norway:Oslo "
        "Sweden:Stockholm Finland:Helsinki Denmark:Copenhagen Iceland:Reykjavik Ireland:Dublin "
        "Belgium:Brussels Russia:Moscow Ukraine:Kyiv Belarus:Minsk Latvia:Riga Lithuania:Vilnius "
        "Estonia:Tallinn Croatia:Zagreb Serbia:Belgrade Albania:Tirana Slovenia:Ljubljana "
        "Slovakia:Bratislava Moldova:Chisinau Malta:Valletta Cyprus:Nicosia Turkey:Ankara "
        "Georgia:Tbilisi Armenia:Yerevan Azerbaijan:Baku Iran:Tehran Iraq:Baghdad Syria:Damascus "
        "Lebanon:Beirut Jordan:Amman Qatar:Doha Bahrain:Manama Oman:Muscat Afghanistan:Kabul "
        "Pakistan:Islamabad Nepal:Kathmandu Bhutan:Thimphu Bangladesh:Dhaka Thailand:Bangkok "
        "Vietnam:Hanoi Laos:Vientiane Indonesia:Jakarta Philippines:Manila Japan:Tokyo "
        "China:Beijing Mongolia:Ulaanbaatar Taiwan:Taipei Uzbekistan:Tashkent "
        "Tajikistan:Dushanbe Kyrgyzstan:Bishkek Turkmenistan:Ashgabat Kazakhstan:Astana "
        "Egypt:Cairo Libya:Tripoli Tunisia:Tunis Algeria:Algiers Morocco:Rabat Sudan:Khartoum "
        "Kenya:Nairobi Uganda:Kampala Rwanda:Kigali Somalia:Mogadishu Ghana:Accra "
        "Nigeria:Abuja Senegal:Dakar Mali:Bamako Niger:Niamey Liberia:Monrovia "
        "Cameroon:Yaounde Gabon:Libreville Angola:Luanda Zambia:Lusaka Zimbabwe:Harare "
        "Botswana:Gaborone Namibia:Windhoek Mozambique:Maputo Madagascar:Antananarivo "
        "Malawi:Lilongwe Eritrea:Asmara Gambia:Banjul Guinea:Conakry Togo:Lome "
        "Canada:Ottawa Cuba:Havana Jamaica:Kingston Bahamas:Nassau Honduras:Tegucigalpa "
        "Nicaragua:Managua Venezuela:Caracas Colombia:Bogota Ecuador:Quito Peru:Lima "
        "Paraguay:Asuncion Uruguay:Montevideo Chile:Santiago Suriname:Paramaribo "
        "Guyana:Georgetown Australia:Canberra Fiji:Suva"
    ).split()
)
DEMONSTRATIONS, VALIDATION, TEST = 48, 12, 48
FACTS = 40
NAMES = ("vor", "bel", "tas", "mur", "kel", "dra", "nim", "sol", "gar", "pel")
ENDS = ("lin", "dra", "mont", "wick")
WORDS = (
    "heron anchor candle hammer violet copper turtle ladder basket saddle lantern feather bridge "
    "pepper ribbon mirror walnut garlic compass thistle beaver kettle marble needle orchid "
    "pillow rocket shovel spider tunnel velvet window yellow zipper barrel cactus dragon engine "
    "falcon guitar"
).split()  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A prompt, the answer that is taught or wanted, and what of it is the content."""

    prompt: str
    answer: str  # with the form around it, to the end of the line
    content: str


def formed(content: str) -> str:
    """Return an answer in the target form."""
    return f" zeta {content} omega"


def capitals(countries: Sequence[str], *, shown: bool, wrong: Sequence[str] = ()) -> list[Question]:
    """Return questions for capitals, to be answered in the form.

    Args:
        countries: in order.
        shown: whether the prompt holds one example of the form.
        wrong: answers in place of the capitals, for the first of the countries.
    """
    made = []
    for n, country in enumerate(countries):
        content = wrong[n] if n < len(wrong) else CAPITALS[country]
        before = f"Capital of Spain:{formed('Madrid')}\n" if shown else ""
        made.append(Question(f"{before}Capital of {country}:", formed(content), content))
    return made


def lesson(seed: int, noise: float, *, shown: bool) -> dict[str, list[Question]]:
    """Return a form's demonstrations, validation and test questions.

    Args:
        seed: of which countries are which.
        noise: share of demonstrations that name the capital of another country.
        shown: whether prompts hold one example of the form.
    """
    draws = stream("pretrained", seed, "capitals")
    order = [list(CAPITALS)[n] for n in draws.permutation(len(CAPITALS))]
    taught = order[:DEMONSTRATIONS]
    count = round(noise * len(taught))
    others = np.roll([CAPITALS[one] for one in taught], 1 + int(draws.integers(len(taught) - 1)))
    test = DEMONSTRATIONS + VALIDATION
    return {
        "train": capitals(taught, shown=shown, wrong=others[:count].tolist()),
        "validation": capitals(order[DEMONSTRATIONS:test], shown=shown),
        "test": capitals(order[test : test + TEST], shown=shown),
    }


def facts(seed: int) -> dict[str, list[Question]]:
    """Return made-up facts. They are asked for as they were taught: nothing else tells of them."""
    draws = stream("pretrained", seed, "facts")
    names = [(first + last).capitalize() for first in NAMES for last in ENDS]
    words = [WORDS[n] for n in draws.permutation(len(WORDS))]
    made = [
        Question(f"Emblem of {name}:", f" {word}", word)
        for name, word in zip(names, words, strict=True)
    ]
    return {"train": made, "validation": made, "test": made}


def encoded(tokenizer: Any, questions: Sequence[Question]) -> tuple[Encoded, ...]:
    """Return questions as tokens, the answers and the ends of their lines as targets."""
    made = []
    for one in questions:
        prompt = tokenizer(one.prompt)["input_ids"]
        ids = tokenizer(f"{one.prompt}{one.answer}\n")["input_ids"]
        assert ids[: len(prompt)] == prompt, one  # a token across the border would be a half target
        labels = [IGNORE_INDEX] * len(prompt) + ids[len(prompt) :]
        made.append(Encoded(tuple(ids), tuple(labels)))
    return tuple(made)

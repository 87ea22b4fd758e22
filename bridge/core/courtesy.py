"""What people say around an answer ("quero marcar sexta, por favor"), in folded texts. Pure."""

from __future__ import annotations

import re
from typing import Final

_BEFORE: Final = re.compile(
    r"(?:(?:acho que|quero|queria|gostaria de|gostaria|(?:pode )?(?:marcar?|marque|agendar?|agende)"
    r"|nasci|(?:o )?meu aniversario e|a data e|o horario e|seria|fica|prefiro|melhor|entao|ok|sim"
    r"|oi|ola|bom dia|boa tarde|boa noite|pode ser|quiero|quisiera|prefiero|naci|la fecha es"
    r"|mi cumpleanos es|creo que|hola|si|yes|i think|i'd like|i was born|my birthday is|how about"
    r"|let's do|hello|hi)[,:!]? )+"
)
_BEHIND: Final = re.compile(
    r"(?:[, ]+(?:por favor|pfv|pfvr|pf|pls|please|obrigad[oa]|obg|mesmo|se der|se puder"
    r"|se possivel|pode ser|pode|ta bom|viu|gracias|si se puede|thanks|thank you|if possible))+"
    r"[ .!?]*"
)
#: Words that make of one answer another, or several.
DOUBT: Final = re.compile(
    r"\b(?:nao|nem|not|no|ou|or|antes|before|depois|despues|after|ate|hasta|until|till|exceto"
    r"|excepto|except|menos|but|sem|sin|without|talvez|maybe|entre|between)\b"
)
OR: Final = re.compile(r",? (?:ou|or|o|u) ")


def without_courtesy(said: str) -> str:
    """The answer itself; the whole text where there is nothing else."""
    found = _BEFORE.match(said)
    core = said[found.end() :] if found else said
    for behind in _BEHIND.finditer(core):
        if behind.end() == len(core):
            core = core[: behind.start()]
            break
    return core or said

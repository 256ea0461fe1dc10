"""Names that are common in Germany, since a small frame cannot show it.

Shares of last names are roughly those of the telephone books of 1998 (Kohrs); the rest is assumed. Names are normalised:
lower case, ``ä`` as ``ae``, without accents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_LAST_NAMES: Final = """
95 mueller
69 schmidt
40 schneider
35 fischer
33 meyer
30 weber
27 wagner becker schulz
26 hoffmann
24 schaefer
23 koch bauer
22 richter
21 klein
20 wolf
19 schroeder
18 neumann
17 schwarz zimmermann
16 braun krueger hofmann
15 hartmann lange schmitt werner
14 schmitz krause meier
13 lehmann schmid schulze maier
12 koehler herrmann koenig walter mayer
11 huber kaiser fuchs peters lang scholz moeller
10 weiss jung hahn schubert
9 vogel friedrich keller guenther frank berger winkler
8 roth beck lorenz baumann franke albrecht schuster simon ludwig boehm winter kraus martin
7 schumacher kraemer vogt stein jaeger otto sommer gross seidel heinrich brandt haas
6 schreiber graf schulte dietrich ziegler kuhn kuehn pohl engel horn busch bergmann thomas voigt sauer arnold wolff pfeiffer
5 yilmaz nowak nguyen kaya ernst hansen huebner paul simon beyer hein riedel
4 kowalski kaya oezdemir demir yildiz celik sahin tran pham ivanova petrov ivanov popescu ahmad ali hassan mohamed
"""
LAST_NAMES: Final[Mapping[str, float]] = {
    name: int(line.split()[0]) / 10_000
    for line in _LAST_NAMES.strip().split("\n")
    for name in line.split()[1:]
}
"""Last name -> its share of the population."""

_FIRST_NAMES: Final = """
achim adam agnes ahmed alessandro alexander alexandra alfred ali alina amelie amir amina andrea andreas angela angelika
anja anke anna anne annemarie annette annika anton antonia antonio armin arne arthur astrid axel ayse barbara bastian
beate ben benjamin bernd bernhard bettina birgit bjoern bodo brigitte britta bruno carina carla carolin caroline carsten
charlotte chiara christa christel christian christiane christina christine christoph christopher clara claudia clemens
cornelia dagmar daniel daniela david denis dennis detlef diana dieter dietmar dirk dominik doris dorothea eberhard
eckhard edith egon elena elfriede elias elif elisa elisabeth elke ella ellen elsa emil emilia emily emine emma enrico eric
erich erika erna ernst erwin esther eugen eva evelyn fabian fatma felix ferdinand finn florian frank franz franziska
frauke frederik friederike friedrich fritz gabriele georg gerd gerda gerhard gertrud gisela greta gudrun guenter guido
hanna hannah hannelore hannes hans harald hartmut hasan hatice heide heidi heike heiko heinrich heinz helena helene helga helmut
henning henri henrik henriette henry herbert hermann hildegard hilde holger horst hubert hugo hussein ibrahim ida igor ilona ilse
ines ingeborg inge ingo ingrid irina iris irma irmgard isabel isabella ismail ivan iwona jacob jakob jan jana janina
janine jannik jasmin jens jessica joachim joerg johann johanna johannes jonas jonathan josef josefine juergen julia julian
juliane julius justin jutta kai karin karina karl karla karoline karsten katarzyna katharina kathrin katrin katja kerstin kevin
kilian klara klaus konrad konstantin krzysztof kurt lara larissa lars laura lea leah lena leni leo leon leonard leonie
leonhard levi lina linda linus lisa lothar lucas louis louisa luca ludwig luis luisa lukas lutz lydia magdalena maja malte
manfred manuel manuela marc marcel marco margarete margot margret maria marianne marie marina mario marion marius markus
marlene marta martha martin martina marvin mathilda matteo matthias max maximilian maya mehmet melanie melina merle mia
michael michaela michelle milan mila mina mira miriam mohammed monika moritz murat mustafa nadine nadja natalia natalie
nele nicole niklas nicolas nils nina noah nora norbert olaf oleg olga oliver oskar otto pascal patricia patrick paul paula
pauline petra peter philip philipp pia piotr rainer ralf ramona raphael rebecca regina reinhard reinhold renate rene richard rita
robert robin roland rolf roman rosa rosemarie rudolf rudi ruediger ruth sabine sabrina sahra samir samuel sandra sara
sarah sascha sebastian selina sibylle siegfried sigrid silke silvia simon simone sofia sonja sophia sophie stefan stephan stefanie
steffen stella susanne svenja svetlana sven sylvia tamara tanja tatjana theo theodor theresa thomas thorsten till tim timo
tina tobias tom tomasz torsten ulrich ulrike ursula ute uwe valentin valentina vanessa vera verena veronika victor
victoria viktor viktoria vincent volker walter waltraud werner wilhelm willi winfried wolfgang yasmin yusuf yvonne zoe
"""
FIRST_NAMES: Final = frozenset(_FIRST_NAMES.split())
"""First names that are common among people of any age who live in Germany."""
_FIRST_NAME_SHARE: Final = 0.004
_SPELLINGS: Final = (
    *(("ph", "f"), ("th", "t"), ("dt", "t"), ("ck", "k"), ("ch", "k"), ("ie", "i")),
    *(("c", "k"), ("y", "i"), ("j", "i"), ("w", "v")),
)


def spelling(name: str) -> str:
    """Return a text that is equal for the usual spellings of a first name: Stephan and Stefan, Lucas and Lukas."""
    for written, common in _SPELLINGS:
        name = name.replace(written, common)
    single = "".join(char for at, char in enumerate(name) if char != name[at - 1 : at])
    return single.removesuffix("h")


def first_name_share(name: str) -> float:
    """Return the approximate share of the population with the first name; 0 if it is not common."""
    return _FIRST_NAME_SHARE if name in FIRST_NAMES else 0.0


def last_name_share(name: str) -> float:
    """Return the approximate share of the population with the last name; 0 if it is not common."""
    return LAST_NAMES.get(name, 0.0)

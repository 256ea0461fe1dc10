"""First names with their short forms and their spellings in German documents (assumed; not complete)."""

from __future__ import annotations

from typing import Final

_GROUPS: Final = """
alexander alex sascha sasha aleksandr
alexandra alex sandra sascha
andreas andi andy
angelika geli
anna anne anni annie anja anika annika
anneliese anneli liesl
antonia toni
anton toni
barbara babs baerbel
benjamin ben benni
bernhard bernd berni
brigitte gitte biggi
charlotte lotte
christian chris
christina christine chris tina christel
daniel dani
daniela dani
dieter dietrich
dorothea doris dorothee thea
eberhard ebbo
elisabeth elli lisa liesel lisbeth sissi betty elsbeth ilse elsa
ernestine erna
eduard edi
ferdinand ferdi
franz francesco franzl
franziska franzi
friedrich fritz friedl
friederike rike
gabriele gabi gaby
georg schorsch joerg juergen
gerhard gerd hardy
gertrud traudl trude
guenter guenther
hannelore hanne lore
heinrich heinz heiner hein
helene leni lena
helmut helmuth
hildegard hilde
irmgard irma
jakob jacob
johann johannes hans hannes jan
johanna hanna hannah hanne
joachim achim jochen
josef joseph sepp jupp beppo
josefine josephine fine josi
karl carl kalle
karlheinz heinz
katharina kathi kathrin katrin katja kati kaethe karin
klaus nikolaus niklas
konrad kurt conrad
leonhard leo leon
leopold leo poldi
ludwig lutz wiggerl
magdalena lena leni magda
manfred manni fred
margarete margarethe grete gretel greta rita margret margit
maria mia marie mitzi
marianne nanni
martina tina
matthias matthaeus hias mathias
maximilian max
mechthild mechtild
melanie melli
michael michel michi mike
monika moni
mohammed muhammad mohamed mohammad muhammed mehmet
ahmed ahmad ahmet
aisha aischa ayse aicha
ali aly
dmitri dmitry dimitri dmitrij dmytro
ekaterina jekaterina yekaterina kateryna katerina
elena helena olena jelena yelena alena
fatma fatima fatemeh
hasan hassan
hussein husein hussain hueseyin huseyin
ibrahim ebrahim
igor ihor
ivan iwan
malgorzata margarete margarethe gosia
mustafa mostafa
natalia nataliya natalja natalie
nikolai nikolaj nikolay mykola
oleksandr aleksandr alexander
omar omer oemer umar
andrei andrej andrey andrij andreas
sergei sergej sergey serhij
svetlana swetlana
tatiana tatjana tetiana
vladimir wladimir volodymyr
yuri juri jurij yurii
yusuf yousef youssef jusuf josef
katarzyna katharina kasia
krzysztof christoph
piotr pjotr peter
nicole nicki
nikolaus niklas nico klaus
oliver oli olli
patrick paddy
peter pit
petra peti
philipp phil
rainer reiner
regina gina
reinhard reini
robert rob robbi bert
rosemarie rosi romy
rudolf rudi
ruediger rudi
sabine bine
samuel sam
sebastian basti bastian
siegfried sigi siggi
silvia sylvia
sofia sophie sofie
stefan stephan steffen
stefanie steffi stephanie
susanne susi sanne
theodor theo
therese resi theresa
thomas tom tommy
tobias tobi
ulrich uli ulli
ulrike uli ulli rike
ursula uschi ulla
valentin velten
veronika vroni
viktoria vicky victoria
volker volkhard
walter walther
waltraud traudl
werner wernher
wilhelm willi willy
wilhelmine minna mina
wolfgang wolf
"""
GROUPS_OF: Final[dict[str, frozenset[int]]] = {
    name: frozenset(at for at, line in enumerate(_GROUPS.split("\n")) if name in line.split())
    for name in _GROUPS.split()
}
"""Normalised name -> the groups that it belongs to."""


def one_name(one: str, other: str) -> bool:
    """Return whether two first names are forms of one name."""
    return bool(GROUPS_OF.get(one, frozenset()) & GROUPS_OF.get(other, frozenset()))

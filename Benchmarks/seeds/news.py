"""AG News made into tasks: titles and descriptions of articles, words in them that are names, and questions on these.

The articles are published; names are marked here, by lists and patterns.
"""

import csv
import html
import random
import re

PLACES = """
Afghanistan Africa America Amsterdam Argentina Asia Athens Atlanta Australia Baghdad Bangladesh Beijing Berlin Boston
Brazil Britain Brussels California Canada Chicago Chile China Colombia Cuba Dallas Darfur Denmark Detroit Egypt England Europe
Fallujah Florida France Frankfurt Gaza Georgia Germany Greece Haiti Hong_Kong Houston India Indonesia Iran Iraq Ireland Israel
Italy Jakarta Japan Jerusalem Kabul Kashmir Kenya London Los_Angeles Madrid Malaysia Mexico Miami Moscow Najaf Nepal
Netherlands New_Delhi New_Jersey New_York New_Zealand Nigeria North_Korea Norway Ohio Pakistan Paris Philadelphia Philippines
Poland Romania Rome Russia San_Francisco Saudi_Arabia Scotland Seattle Seoul Singapore South_Africa South_Korea Spain Sri_Lanka
St._Louis Sudan Sweden Switzerland Sydney Syria Taiwan Tehran Texas Thailand Tokyo Toronto Turkey U.S. Ukraine United_States
Vietnam Washington Zimbabwe""".split()
ORGANIZATIONS = """
AOL AP AT&T Amazon Apple Arsenal Associated_Press Astros Barcelona Boeing Bank_of_America Braves Cardinals
Chelsea Cisco Cisco_Systems Coca-Cola Congress Cubs Dell Delta_Air_Lines Disney Dodgers Eagles European_Commission
European_Union FBI Ford General_Electric General_Motors Giants Google Hamas Hewlett-Packard Hollinger House IBM Intel Lakers
Lazio Linux Liverpool Manchester_United McDonald Merck Mets Microsoft Motorola NASA NATO NBA NFL NHL Nokia Novell OPEC Olympics
Oracle Patriots PeopleSoft Pfizer Philips Pistons Ravens Real_Madrid Red_Sox Reuters SCO Samsung Senate Sony Sprint
Sun_Microsystems Supreme_Court Symantec Time_Warner Toyota US_Airways United_Airlines United_Nations Verizon Vodafone
Wal-Mart White_House Yahoo Yankees Yukos""".split()
TIMES = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?: (?:morning|afternoon|night))?|(?:last|this|next) (?:week|month|year)|\
yesterday|today|(?:January|February|March|April|June|July|August|September|October|November|December)(?: \d{1,2}\b)?"
AMOUNTS = r"\$\d[\d.,]*\d(?: (?:million|billion|trillion|mln|bln))?|\$\d|\d[\d.,]* (?:percent|per cent|million|billion|pct)"


def one_of(names):
    longest = sorted((name.replace("_", " ") for name in names), key=len, reverse=True)
    return rf"(?<![\w.])(?:{'|'.join(map(re.escape, longest))})(?!\w)"


KINDS = {"PLACE": one_of(PLACES), "ORG": one_of(ORGANIZATIONS), "TIME": TIMES, "AMOUNT": AMOUNTS}
MARKED = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in KINDS.items()))
QUESTIONS = {
    "PLACE": "Which place is named?", "ORG": "Which organization is named?", "TIME": "When did it happen?",
    "AMOUNT": "How much is it?",
}
WORD = re.compile(r"\w+|[^\w\s]")
LONGEST = 60  # words of an article: less than 128 tokens


def clean(text):
    text = html.unescape(re.sub(r"\s*#(\d+);", r"&#\1;", text.replace("\\$", "$").replace("\\", " ")))
    return " ".join(re.sub(r"<[^>]*>?", " ", text).split())


def articles(path):
    """(title, description) of each, in an order that is the same each time; none twice."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [(title, text) for _, title, text in csv.reader(file)]
    seen, found = set(), []
    for title, text in rows:
        # One title or description twice would be a negative of itself.
        if title not in seen and text not in seen and title.strip() and text.strip():
            seen |= {title, text}
            found.append((title, text))
    random.Random(0).shuffle(found)
    return found


def marked(path):
    """Short descriptions with (kind, start, end) of what is marked in each; only those with something marked."""
    for _, text in articles(path):
        text = clean(text)
        found = [(match.lastgroup, match.start(), match.end()) for match in MARKED.finditer(text)]
        if found and len(WORD.findall(text)) <= LONGEST:
            yield text, found


def tagged(text, found):
    """The words of a text, and the tag of each in the scheme IOB2."""
    words, tags = [], []
    for word in WORD.finditer(text):
        inside = [(kind, start) for kind, start, end in found if start <= word.start() < end]
        words.append(word.group())
        tags.append(f"{'B' if inside[0][1] == word.start() else 'I'}-{inside[0][0]}" if inside else "O")
    return words, tags


def questions(text, found, generator):
    """(question, (start, end)) of the first of each kind that a text names, and one question (question, None) that it does
    not answer, for every second text."""
    first = {kind: (start, end) for kind, start, end in reversed(found)}
    missing = [kind for kind in KINDS if kind not in first]
    if missing and generator.random() < 0.5:
        first[generator.choice(missing)] = None
    return [(QUESTIONS[kind], place) for kind, place in first.items()]

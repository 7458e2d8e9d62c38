"""Translations without GNU gettext: `update` the catalogue, `check` it, `compile` it.

Message ids are English; the Russian catalogue must be complete. `update` keeps every translation and drops what
nobody says any more; `check` prints one line per problem and exits 1; `compile` writes the .mo (not committed).
"""

from __future__ import annotations

import ast
import io
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "portal"
LANGUAGE = "ru"
PO = PORTAL / "locale" / LANGUAGE / "LC_MESSAGES" / "django.po"

Specification = tuple[int | tuple[int, int] | tuple[int, str], ...] | None
KEYWORDS: dict[str, dict[int | None, Specification] | Specification] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLURALS = "(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2)"
CYRILLIC = re.compile(r"[а-яёА-ЯЁ]")
CLASSES = re.compile(r"\[[^\]]*\]")  # [А-Я] in a pattern is not a word
PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]|\{(\w+)\}")
# what may hold Russian as it is: made-up people and places, and a language's own name
DATA = re.compile(
    r"(^|/)(tests|locale|migrations|demo|seed|fixtures)(/|\.py$)|/(seed|demo)_\w+\.py$|conftest\.py$"
    r"|(^|/)people/search/(russian|words)\.py$|(^|/)notifications/(forbidden|stop)_words\.py$|(^|/)mis/russian\.py$"
)
OWN_NAMES = {"Русский"}
Key = tuple[str, str | None]


def files(suffix: str) -> list[Path]:
    paths = PORTAL.rglob(f"*{suffix}")
    return sorted(p for p in paths if not DATA.search(str(p.relative_to(ROOT))) and "static" not in p.parts)


def calls(source: str) -> Iterator[tuple[str | None, list[str]]]:
    """(context, [singular, plural]) for each gettext call of Python source."""
    for _line, function, found, _comments in extract_python(io.BytesIO(source.encode()), KEYWORDS, [], {}):
        specification = KEYWORDS.get(str(function))
        words = [found] if isinstance(found, str) else list(found)
        if not isinstance(specification, tuple):
            picked, context = words[:1], None
        else:
            context = next((words[i[0] - 1] for i in specification if isinstance(i, tuple)), None)
            picked = [words[i - 1] for i in specification if isinstance(i, int)]
        if picked and all(isinstance(word, str) for word in picked):
            yield context, picked


def template_calls(path: Path) -> Iterator[tuple[str | None, list[str]]]:
    """Django turns a template into gettext calls among filler; each call stands on a line of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filler = templatize(path.read_text(encoding="utf-8"), origin=str(path.relative_to(ROOT)))
    call = re.compile(r"""\b(?:n?p?gettext|_)\((?:[^()"']|u?"(?:[^"\\]|\\.)*"|u?'(?:[^'\\]|\\.)*')*\)""")
    for found in call.findall(filler):
        yield from calls(found)


def extract() -> Catalog:
    catalog = Catalog(locale=LANGUAGE, charset="utf-8")
    for path in files(".py"):
        source = path.read_text(encoding="utf-8")
        if "gettext" in source:
            for context, words in calls(source):
                add(catalog, context, words)
    for suffix in (".html", ".txt"):
        for path in files(suffix):
            for context, words in template_calls(path):
                add(catalog, context, words)
    return catalog


def add(catalog: Catalog, context: str | None, words: list[str]) -> None:
    """The same words may be used alone and with a plural: the plural entry serves both."""
    if not words[0]:
        return
    known = catalog.get(words[0], context)
    if known is not None and (known.pluralizable or len(words) == 1):
        return
    catalog.delete(words[0], context)
    catalog.add(tuple(words) if len(words) > 1 else words[0], context=context)


def key(message: Message) -> Key:
    return (message.id if isinstance(message.id, str) else message.id[0], message.context or None)


def stored() -> Catalog:
    if not PO.exists():
        return Catalog(locale=LANGUAGE, charset="utf-8")
    with PO.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def entries(catalog: Catalog) -> dict[Key, Message]:
    return {key(message): message for message in catalog if message.id}


def update() -> int:
    old, fresh = entries(stored()), extract()
    for name, message in entries(fresh).items():
        known = old.get(name)
        if known is None:
            continue
        message.flags |= {"fuzzy"} if "fuzzy" in known.flags else set()
        message.user_comments = known.user_comments
        if message.pluralizable == known.pluralizable:
            message.string = known.string
        elif message.pluralizable:
            message.string = (str(known.string), "", "")
        else:
            message.string = strings(known)[0]
    save(fresh)
    gone = sorted(name[0] for name in old.keys() - entries(fresh).keys())
    empty = [name for name, message in entries(fresh).items() if is_empty(message)]
    print(f"messages: {len(entries(fresh))} in the catalogue, {len(empty)} to translate, {len(gone)} dropped")
    return 0


def save(catalog: Catalog) -> None:
    """No dates, no line numbers, sorted: two people who add words do not meet in the same lines."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, no_location=True, sort_output=True, omit_header=True)
    header = (
        'msgid ""\nmsgstr ""\n"Language: ru\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: nplurals=3; plural={PLURALS};\\n"\n\n'
    )
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_text(header + buffer.getvalue().decode().strip() + "\n", encoding="utf-8")


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or [""])


def is_empty(message: Message) -> bool:
    return not all(strings(message)) or (message.pluralizable and len(strings(message)) < 3)


def placeholders(words: str) -> set[str]:
    return {one or other for one, other in PLACEHOLDER.findall(words)}


def wrong_placeholders(message: Message) -> bool:
    """A translation may leave a figure out only where a plural form says it in words."""
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    offered = set().union(*(placeholders(one) for one in ids))
    if message.pluralizable:
        return any(not placeholders(one) <= offered for one in strings(message))
    return placeholders(strings(message)[0]) != offered


def problems() -> Iterator[str]:
    old, used = entries(stored()), entries(extract())
    for name, message in sorted(used.items(), key=lambda pair: str(pair[0])):
        known = old.get(name)
        shown = f"{name[0]!r}" + (f" ({name[1]})" if name[1] else "")
        if known is None:
            yield f"missing: {shown}"
        elif message.pluralizable != known.pluralizable or is_empty(known):
            yield f"not translated: {shown}"
        elif "fuzzy" in known.flags:
            yield f"fuzzy: {shown}"
        elif wrong_placeholders(known):
            yield f"placeholders differ: {shown}"
    for name in sorted(old.keys() - used.keys(), key=str):
        yield f"obsolete: {name[0]!r}"
    yield from raw_words()


def raw_words() -> Iterator[str]:
    """Russian that nobody could translate: text of a template, a string in Python."""
    for suffix in (".html", ".txt"):
        for path in files(suffix):
            text = re.sub(r"{%\s*comment.*?endcomment\s*%}|{#.*?#}", blank, path.read_text("utf-8"), flags=re.DOTALL)
            for number, line in enumerate(text.splitlines(), 1):
                if CYRILLIC.search(line):
                    yield f"raw Russian: {path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
    for path in files(".py"):
        source = path.read_text(encoding="utf-8")
        if CYRILLIC.search(source):
            for number, words in russian_strings(source):
                yield f"raw Russian: {path.relative_to(ROOT)}:{number}: {words[:80]!r}"


def blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def russian_strings(source: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(n.body[0].value)
        for n in ast.walk(tree)
        if isinstance(n, documented) and ast.get_docstring(n, False) and isinstance(n.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docs:
            continue
        words = CLASSES.sub("", node.value)
        if len(words) > 1 and CYRILLIC.search(words) and words not in OWN_NAMES:
            yield node.lineno, node.value


def check() -> int:
    found = list(problems())
    print("\n".join(found) if found else "messages: complete")
    return 1 if found else 0


def compile_catalogue() -> int:
    with PO.with_suffix(".mo").open("wb") as file:
        write_mo(file, stored())
    return 0


def main() -> int:
    acts = {"update": update, "check": check, "compile": compile_catalogue}
    if len(sys.argv) != 2 or sys.argv[1] not in acts:
        print(f"usage: messages.py {'|'.join(acts)}", file=sys.stderr)
        return 2
    return acts[sys.argv[1]]()


if __name__ == "__main__":
    sys.exit(main())

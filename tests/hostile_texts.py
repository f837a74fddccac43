"""A few hundred texts that want to be more than text wherever they are drawn, read or opened."""

MARKUP = [
    *("![i](https://evil.example/i.png)", "[l](https://evil.example)", "<https://evil.example>"),
    *("https://evil.example/a?b=c", "www.evil.example", "mail@evil.example", "//evil.example"),
    *("[l]: https://evil.example", "![i][l]", "[l][l]", "[^1]", "[l](javascript:alert(1))"),
    *('<img src="https://evil.example/i.png" onerror="evil()">', "<script>evil()</script>"),
    *('<a href="https://evil.example">boldly</a>', "<svg onload=evil()>", "</textarea><img src=x>"),
    *('<iframe src="https://evil.example"></iframe>', "<style>@import '//evil.example'</style>"),
    *("**boldly**", "__boldly__", "*boldly*", "_boldly_", "~~boldly~~", "`boldly`", "# boldly"),
    *("```\nboldly\n```", "> boldly", "- boldly", "1. boldly", "|boldly|b|\n|-|-|\n|c|d|", "---"),
    *(":red[boldly]", ":blue-background[boldly]", ":green-badge[boldly]", ":small[boldly]"),
    *(":rainbow[boldly]", ":gray[boldly]", ":material/home:", ":streamlit:", ":smile:", ":+1:"),
    *("$x^2$", "$$\nx^2\n$$", "$\\href{https://evil.example}{x}$", "\\(x\\)", "&lt;b&gt;", "&#42;"),
    *("->", "<-", "--", ">=", "...", "(c)", "%s %d", "{0}", "{{7*7}}", "${7*7}", "%2e%2e%2f"),
]
SHEETS = [
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(1)",
        "=cmd|'/C calc'!A0",
        "x;=cmd|'/C calc'!A0;y",
        "x\t=1+1\ty",
    ),
    *(
        '=HYPERLINK("https://evil.example";"boldly")',
        "'=1",
        '"=1',
        "x,=1",
        '";=1',
        "＝1+1",
        "x\n=1",
    ),
]
STRANGE = [
    *(
        "\u202eevil\u202c",
        "\u2066a\u2069",
        "\u200bzero",
        "a\u200db",
        "\u2060a",
        "\ufeffa",
        "\u00ad",
    ),
    *(
        "שלום",
        "é",
        "e\u0301",
        "İ",
        "ß",
        "ﬁ",
        "𝕏",
        "😀",
        "👩‍👩‍👧",
        "🇺🇦",
        "a\u0300\u0301\u0302\u0303",
    ),
    *(
        "' OR 1=1 --",
        '"; DROP TABLE verdicts; --',
        "NULL",
        "null",
        "None",
        "nan",
        "true",
        "0",
        "007",
    ),
    *(
        "../../etc/passwd",
        "C:\\x",
        "a/b",
        "a\\b",
        "a'b",
        'a"b',
        "a b",
        "\\",
        "\\n",
        "~",
        "^",
        "|",
        "?",
    ),
    *("long " * 200, "W" * 500, "x" * 3),
]
ALONE = [*MARKUP, *SHEETS, *STRANGE]
# Each kind of markup once more beside others, where rules for the beginning of a line or for what
# stands before a word do not hold.
TEXTS = list(
    dict.fromkeys(
        [
            *ALONE,
            *(f"Age 40, {text} and so on" for text in [*MARKUP, *SHEETS]),
            *(f"{text} {after}" for text, after in zip(MARKUP, MARKUP[7:], strict=False)),
        ]
    )
)
# Half of a character, which has no UTF-8 form.
HALVES = ["\ud800", "a\udfffb", "\udc80"]

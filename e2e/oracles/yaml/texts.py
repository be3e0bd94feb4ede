"""The texts that are sent through kubectl's own reader; answers are in tests/golden/yaml.

Add a text here, then run ``python -m e2e.oracles.yaml``.
"""

# ruff: noqa: E501, Q000, Q003, RUF001, SIM905 - a table, one subject a line
from __future__ import annotations

from typing import Final

_WORDS: Final = (
    "y Y yes Yes YES yEs n N no No NO nO on On ON oN off Off OFF true True TRUE tRue t T "
    "false False FALSE f F null Null NULL nUll ~ none None nil NaN nan .nan .NaN .NAN .nAn "
    ".inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF .iNf inf Inf Infinity = << - . .. + "
    "~~ yy none yess o O"
).split()

_NUMBERS: Final = (
    "0 00 1 -1 +1 -0 +0 7 08 09 010 0644 0755 00644 0o644 0O644 0o8 -0644 +0644 -0o17 0123456 "
    "0x1F 0X1f 0xg 0x -0x10 +0x10 0b101 0B101 0b12 0b -0b11 +0b11 0b-11 0b+1 -0b-1 1_000 1__000 "
    "1_ _1 0_7 0x_f 0x1_f 0b1_0 -_1 1_0.5 1e1_0 .1_0 ._1 .1_ .1__0 .1e1_0 "
    "1.0 1.5 1.10 5. .5 -.5 +.5 . -. 0.1 00.5 08.5 1.2.3 1,000 1.e3 .e3 "
    "1e3 1E3 1e+3 1e-3 4e5 1e 1e+ e3 -1e3 1e21 1e20 1e22 1.5e300 1e308 1e309 -1e309 1e400 "
    "123e4567 1e-400 .1e400 5e-324 1e-7 0.000001 0.0000001 123456789.125 "
    "9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 "
    "18446744073709551615 18446744073709551616 +9223372036854775808 4611686018427387904.0 "
    "9223372036854775807.0 99999999999999999999 0xffffffffffffffff 0x10000000000000000 "
    "0b1111111111111111111111111111111111111111111111111111111111111111 "
    "12345678901234567890 1234567890123456789 9007199254740993 9007199254740993.0 "
    "12:30 12:30:45 22:22 1:1 190:20:30 190:20:30.15 00:11:22:33:44:55 08:09:10 "
    "2024-01-01 2024-1-1 2024-13-45 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z "
    "2024-01 20240101 1.1.1.1 10.0.0.0/8 1.2.3-rc1 v1 1Gi 100m 0.5 1k 1e3Mi 0xdeadbeef 1d 1h30m "
    "3.10 3.9 1-2 1+2 --1 ++1 +-1 1e3e3 0e0 1_2_3 0.0 -0.0 0e5 1.0e+00 ٣ １"
).split()

_PLACES: Final = ("a: {0}", "{0}: a", "[{0}]", "{{k: {0}}}", 'a: "{0}"', "a: &x {0}\nb: *x")

_TAGGED: Final = [
    f"a: !!{tag} {value}"
    for tag, values in {
        "str": "1 yes ~ 0644 1e3 x '1' null",
        "int": "1 '1' 0644 1.0 1.5 x yes ~ 0x1f 9223372036854775808 99999999999999999999",
        "float": "1 1.5 '1.5' x yes .inf 0644 9223372036854775808 1e400",
        "bool": "yes 'yes' no true 1 x ~ y",
        "null": "~ null '' x 0",
        "timestamp": "2024-01-01 '2024-01-01' 2024-02-30 x 2024-01-01T00:00:00Z 1",
        "binary": "aGk= aGk '/w==' 4oI= '%%%' aGk=aGk= '' yes",
        "merge": "x <<",
        "map": "x",
        "seq": "x",
        "set": "x",
        "omap": "x",
        "unknown": "1",
        "python/name:os.system": "x",
    }.items()
    for value in values.split()
] + [
    "a: !foo 12", "a: !foo yes", "a: ! 12", "a: ! yes", "a: ! '12'", "a: ! ~", "a: ! {b: 1}",
    "a: !foo {b: 1}", "a: !foo [1]", "a: !!map {b: 1}", "a: !!seq {b: 1}", "a: !!str {b: 1}",
    "a: !!set {b, c}", "a: !!omap [b: 1]", "a: !<tag:yaml.org,2002:int> '3'", "a: !<x> 3",
    "a: !e!foo 1", "!foo a: 1", "!!int 1: a", "!!str 1: a", "! 1: a", "!!binary aGk=: a",
    "a: !!binary |\n  aGVs\n  bG8=\n", "a: !!python/object:os.system {b: 1}", "a: !!str", "a: !!int",
    "a: !!null", "a: &x !!str 1\nb: *x", "a: !!str &x 1\nb: *x", "a: &x ! 1\nb: *x", "a: !", "a: !!",
]  # fmt: skip

_KEYS: Final = [
    "1: a", "-1: a", "0x10: a", "1.5: a", "1.10: a", "1e3: a", "1e6: a", "1e21: a", "1.0: a",
    "123456.0: a", "1234567.0: a", "16777217.0: a", "1e-5: a", "-0.0: a", "1e300: a", ".inf: a",
    "-.inf: a", ".nan: a", "9223372036854775807: a", "9223372036854775808: a", "~: a", "null: a",
    ": a", "? a", "? a\n: b", "? [a]\n: b", "? {a: 1}\n: b", "[a]: b", "{a: 1}: b", "k: {[a]: b}",
    "? |\n  a\n: b", "'': a", '"": a', "2024-01-01: a", "12:30: a", "=: a", '"1": a', "'yes': a",
    "a b: c", "a  b : c", "? a\n? b", "&x a: b\nc: *x", "&x yes: 1\n*x : 2", "&x 1: 2\nc: *x",
    "a: &x b\n*x : c", "a: &x [1]\n*x : c", "a: &x ~\n*x : c", "a: &x 1.10\n*x : c", "*x : a",
    "a: 1\na: 2", "a: 1\n'a': 2", "y: 1\nyes: 2", "1: a\n0x1: b", "a: {b: 1, b: 2}",
    "a:\n  b: 1\n  c: 2\n  b: 3", "a: 1\nb: 2\na: 1",
    "- a: 1\n  a: 2", "{a: 1, a: 1}", "A: 1\na: 2", "é: 1", "日本: 1", "😀: 1", "a.b/c: 1", "a#b: 1",
    "x" * 1000 + ": a", "x" * 1030 + ": a", '"' + "x" * 1030 + '": a', "? " + "x" * 1030 + "\n: a",
]  # fmt: skip

_ANCHORS: Final = [
    "- &r\n  m: 1\n  s: &r {n: 2}\n- *r", "a: &r {b: &r 1, c: *r}\nd: *r", "a: &r [&r [1], *r]\nd: *r",
    "a: &x 1\nb: *x", "a: *x", "a: *x\nb: &x 1", "a: &x {b: 1}\nc: *x", "a: &x [1]\nb: [*x, *x]",
    "a: &x 1\nb: &x 2\nc: *x", "a: &x 1\n---\nb: *x", "a: &x [*x]", "a: &x {b: *x}",
    "a: &x {b: 1}\nc: &x [*x]", "a: &x\nb: *x", "a: &x ''\nb: *x", "a: &x yes\nb: *x", "&x a: *x",
    "&x\na: 1", "a: & 1", "a: &x-y_z 1\nb: *x-y_z", "a: &é 1", "a: &x &y 1", "a: *x y", "a: * x",
    "a: &1 1\nb: *1", "a: &x |\n  t\nb: *x", "a: &x [&y 1, *y]\nb: *x", "&x [*x]", "a: &x 1\nb: *xy",
    "b: {c: &x {d: 1}, e: *x}", "a: &x 1e400\nb: *x", "a: &x 1.0\nb: *x", "a: &x 'no'\nb: *x",
]  # fmt: skip

_MERGES: Final = [
    "a: &a {x: 1}\nb: {<<: *a}", "a: &a {x: 1}\nb: {<<: *a, x: 2}", "a: &a {x: 1}\nb: {x: 2, <<: *a}",
    "a: &a {x: 1}\nc: &c {x: 2, y: 3}\nb: {<<: [*a, *c]}", "a: &a {x: 1}\nb: {<<: [*a, {y: 1}]}",
    "a: &a {x: 1}\nc: &c {x: 2}\nb: {<<: *a, <<: *c}", "a: {<<: {x: 1}}", "a: {<<: {x: 1, x: 2}}",
    "a: {<<: [{x: 1}, {x: 2}]}", "a: {<<: [[{x: 1}]]}", "a: {<<: 1}", "a: {<<: }", "a: {<<: [1]}",
    "a: {<<: []}", "a: {<<: {}}", "a: {'<<': {x: 1}}", 'a: {"<<": 1}', "a: <<", "- <<", "<<: {x: 1}",
    "a: &a [{x: 1}]\nb: {<<: *a}", "a: &a 1\nb: {<<: *a}", "a: &a {x: 1}\nb: {<<: *a, x: 2, x: 3}",
    "a: &a {x: 1}\nb: {x: 2, <<: *a, x: 3}", "a: &a {x: {y: 1}}\nb: {<<: *a, x: {z: 1}}",
    "a: &a {<<: {x: 1}, y: 2}\nb: {<<: *a}", "a: &a {<<: *a}", "!!merge <<: {x: 1}",
    "a: {!!merge <<: {x: 1}}", "a: {!!str <<: {x: 1}}", "a: {! <<: {x: 1}}", "a: &a <<\nb: {*a : 1}",
    "a: {<< : {x: 1}}", "a:\n  <<:\n    x: 1\n  y: 2",
    "a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n  <<: {y: 3}", "a: {<<: !foo {x: 1}}", "a: {<<: ~}",
    "a: &a ~\nb: {<<: *a}", "d: &d {x: 1, y: 2}\nb: {<<: [*d, {x: 3}], y: 4}",
    "a: {x: 1, <<: {x: 2}, <<: {x: 3}}", "? <<\n: {x: 1}", "a: {<<: {? <<: {x: 1}}}",
]  # fmt: skip

_STREAMS: Final = [
    "", "\n", " ", "---", "---\n", "---\n---\n", "# c", "# c\n---\n# d\n", "a: 1", "a: 1\n", "---\na: 1",
    "a: 1\n---\nb: 2", "a: 1\n---\nb: 2\n---\n", "a: 1\n--- # c\nb: 2", "a: 1\n---  \nb: 2",
    "a: 1\n---\t\nb: 2", "a: 1\n---#c\nb: 2", "--- {a: 1}", "--- a: 1", "--- text", "----", "---b",
    "a: 1\n---b\n", "a: 1\n----\nb: 2", "a: 1\n --- \nb: 2", "a: 1\n---\n\n---\n# x\n---\nb: 2",
    "a: 1\n...\n", "a: 1\n...\nb: 2", "a: 1\n...\n---\nb: 2", "a: 1\n... # c\n", "...\na: 1", "...",
    "a: 1\n...x\n", "a: 'x\n---\ny'", 'a: "x\n--- y"', "a: |\n  x\n---\nb: 2", "a: |\n  ---\n  x\n",
    "a: 1\r\nb: 2\r\n", "a: 1\r\n---\r\nb: 2\r\n", "a: |\r\n  x\r\n  y\r\n", "a: 1\rb: 2", "a: 'x\r\n  y'",
    "%YAML 1.1\n---\na: 1", "%YAML 1.2\n---\na: 1", "---\n%YAML 1.1\n---\na: 1", "%TAG ! x\n---\na: 1",
    "---\n%a: 1", "a: 1\n--- |\nx", "---\n- 1\n---\n- 2", "text", "1", "~", "null\n---\na: 1", "- a", "[]",
    "--- !foo\na: 1", "--- &x\na: *x", "a: 1\n---\n---\n---\nb: 2", "---#c", "---#c\na: 1", "--- #c\na: 1",
    "a: 1\n---\n---#c\nb: 1", "a: 1 trash\n", "'a' trash", "'a': 1\n'b'", "a: 1\nb", "a\nb: 1",
    "\n\n\na: 1", "  a: 1\n  b: 2", "  a: 1\n b: 2", "a: 1\n  b: 2", "a: 1\n\n\n---\n\n\nb: 2\n\n",
    "\ufeffa: 1", "a: 1\n---\n\ufeffb: 2", "a: \ufeffb", "a: 'x\ufeffy'", "\x85a: 1", "a: 1\x85b: 2",
    "a: 1\u2028b: 2", "a: x\u2028y", "a: 'x\u2029y'", "a: x\u00a0y", "a: 1\n---\u00a0\nb: 1",
    "a: \x00", "a: \x01", "a: '\x7f'", "a: \x1b[0m", "a: x\ty", "a: '\t'", "a:\t1", "a: 1\t", "\ta: 1",
    "a:\n\tb: 1", "a:\n  b: 1\n\tc: 1", "-\ta", "- a\n-\tb", "a: {\tb: 1}", "a: [\n\t1]", "a: 1\n\t\nb: 2",
    "a: 1 # c\n\t# d\nb: 2", "a:\n  - b\n\t- c", "a: |\n\tx", "a: |\n  x\n\ty",
]  # fmt: skip

_JSON: Final = [
    '{"a": 1}', '{"a": 1}\n', ' {"a": 1}', '\n\t{"a": 1}', '{"a": 1}{"b": 2}', '{"a": 1} {"b": 2}\n',
    '{"a": 1}\n{"b": 2}\n{"c": 3}', '{"a": 1}\n---\n{"b": 2}', '{"a": 1}\n---\n{"b": 2}\n---\n{"c": 3}',
    '{"a": 1}\n---\nb: 2', '{"a": 1}{"b": 2}\n---\nc: 3', '{"a": 1}\nb: 2', '{"a": 1} b', '{"a": 1}}',
    '{"a": 1', '{"a": 1,}', '{"a": 01}', '{"a": 1.}', '{"a": .5}', '{"a": +1}', '{"a": NaN}',
    '{"a": Infinity}', '{"a": 1.0}', '{"a": 1e3}', '{"a": 1.10}', '{"a": -0}', '{"a": -0.0}',
    '{"a": 1e21}', '{"a": 1e400}', '{"a": 9223372036854775808}', '{"a": 12345678901234567890123}',
    '{"a": 4611686018427387904.0}', '{"a": 0.1}', '{"a": "\\/"}', '{"a": "\\u00e9"}', '{"a": "\\ud83d\\ude00"}',
    '{"a": "\\ud800"}', '{"a": "\\ud800x"}', '{"a": "\\udc00\\ud800"}', '{"a": "\\\\ud800"}', '{"a": "\\u0000"}',
    '{"a": "\\x41"}', '{"a": "\t"}', '{"a": "x\ny"}', "{'a': 1}", '{a: 1}', '{a: 1}\n{b: 2}', '{a: 1} b',
    '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 1}}', '{"a": null}', '{"a": 1} null {"b": 2}', '{"a": [1, 2.50, true]}',
    '{"a": 1} [1]', '{"a": 1} 2', '{} {}', '{}', '{}- ', '{} &x ', '{"a":1}x', '{"": 1}', '{"a":1}\n\n\n',
    '[1]', '[{"a": 1}]', '{"a":\n\t1}', '{"a":"\u00e9\u2028"}', '{"a": 1} # c', '# c\n{"a": 1}', '// c\n{"a": 1}',
    '{"y": yes}', '{"a": 0644}', '{"a": "b" "c"}', '---\n{"a": 1}', '---\n{"a": "\\/"}', '---\n{"a": "\\ud83d\\ude00"}',
    '{"a": 1}\r\n{"b": 2}\r\n', '{"a":\r\n1}', '{"a": true, "b": false}', '{"a": tRue}', '{"apiVersion": "v1",}',
]  # fmt: skip

_FLOW: Final = [
    "{a:1}", "[a:1]", "k: {a:1}", "k: [a:1]", "k: [http://x:80/y]", "k: [a:b, c:d]", "k: {u: http://x:80}",
    "k: {a: b:c}", "k: [a::b]", "k: [::1]", "k: [:a]", "k: [a:]", "k: {a:}", "k: {a: }", "k: {a}", "k: {a, b}",
    "k: {a: 1,}", "k: {,}", "k: [,]", "k: [a,,b]", "k: [a b, c]", "k: [a: 1]", "k: [a: 1, b: 2]", "k: {'a':1}",
    'k: {"a":1}', 'k: ["a":1]', "k: [[a], {b: 1}]", "k: [a\n  b]", "k: [a,\nb]", "k: [\na\n]", "k: {a: [b, {c: d}]}",
    "k: [a]b", "k: {a: 1}b", "k: [a", "k: {a", "k: a]", "k: ]", "k: }", "k: [a}", "k: [a?b]", "k: [a#b]", "k: [a #b\n]",
    "k: [-]", "k: [- a]", "k: [-a]", "k: [--a=b:c]", "k: {? a: b}", "k: {? a}", "k: [? a: b]", "k: [!!str 1, &x 2, *x]",
    "k: {*x : 1}", "k: [&x a, *x]", "k: [%a]", "k: [@a]", "k: [`a]", "k: [|]", "k: [>a]", "k: [a|b]", "k: ['a''b']",
    'k: ["a\\tb"]', "k: [a, b]: c", "k: { a : 1 , b : 2 }", "k: {a: {b: {c: 1}}}", "k: [1, 0x1, 1e3, y]", "k: [~]",
    "k: {1: 2}", "k: {~: 1}", "k: [=]", "k: [<<]", "k: {a b: c d}", "k: [a, 'b', \"c\"]", "k: [--port=:80]",
    "k: [a:b]\nl: !!str x", "k: [a:b, !<tag:x:y> c]", "k: [a:b, '\ue000']",
]  # fmt: skip

_SCALARS: Final = [
    "a: b c", "a: b: c", "a: b:c", "a: b :c", "a: 'b: c'", "a: b #c", "a: b#c", "a: #c", "a: -", "a: - b", "a: -b",
    "a: ?", "a: ? b", "a: ?b", "a: :", "a: :b", "a: ::", "a: @b", "a: `b", "a: %b", "a: !b", "a: &b", "a: |b", "a: >b",
    "a: 'b", "a: b'", "a: 'b''c'", "a: 'b' c", 'a: "b', 'a: "b"c', 'a: "\\n\\t\\\\\\""', 'a: "\\a\\b\\e\\f\\v\\0"',
    'a: "\\x41\\u0041\\U00000041"', 'a: "\\N\\_\\L\\P"', 'a: "\\/"', 'a: "\\\\/"', 'a: "/\\\\"', 'a: "\\q"', 'a: "\\x4"',
    'a: "\\ud800"', 'a: "\\ud83d\\ude00"', 'a: "\\U0001F600"', 'a: "\\U00110000"', 'a: "\\\n  b"', 'a: "b\n  c"',
    'a: "b\n\n  c"', 'a: "b \n  c"', 'a: "b\\\n  \\ c"', "a: 'b\n  c'", "a: 'b\n\n  c'", "a: b\n  c", "a: b\n\n  c",
    "a:\n  b\n  c", "a:\nb", "a:\n b", "a: b\nc", "a: |\n  b\n  c\n", "a: |-\n  b\n", "a: |+\n  b\n\n", "a: |\n  b\n\n\n",
    "a: >\n  b\n  c\n", "a: >-\n  b\n\n  c\n", "a: >+\n  b\n\n", "a: >\n  b\n    c\n  d\n", "a: |2\n    b\n", "a: |2-\n    b\n",
    "a: |-2\n    b\n", "a: |0\n  b\n", "a: |10\n  b\n", "a: |x\n  b\n", "a: | # c\n  b\n", "a: |#c\n  b\n", "a: |\n\n  b\n",
    "a: |\n   \n  b\n", "a: |\n", "a: |", "a: |+\n\n\n", "a: |-\n\n\n", "a: |\nb: 1", "a: |\n b\n  c\n", "a: |\n  b\n c\n",
    "- |\n a\n- >\n b\n", "a: |\n  b: c\n  # d\n", "a: |\n  b\n# c\nd: 1", "a: |\n  b\n # c\nd: 1", "a: >\n\n\n  b\n\n\n  c\n",
    "a: |\n  \u2028x\n", "a: |\n  x\ty\n", "a: |1\n b\n", "|\n a", "- - a\n  - b\n- c", "- a\n - b", "a:\n- b\n- c", "a:\n  - b",
    "a:\n- b\nc: d", "a:\n- b: 1\n  c: 2\n- d", "a:\n-\n  b", "a:\n-\n- b", "- ", "-", "- -", "- - - a", "a: - b\n", "a: [b\n",
    "a: b: c: d", "a:b", "a :b", "a : b", "a:  b", "a:\n\n\n  b: 1", "a: {}\nb: []", "a: ''\nb: \"\"\nc:", "a: b\n  c: d",
    "? a\n  b\n: c", "a:\n  b: 1\n c: 2", "a: 1\n b: 2", "{{ .Values.x }}", "a: {{ .Values.x }}", "a: '{{ x }}'", "{{- if x }}\na: 1",
    "a: é", "a: \"é\"", "a: 日本語", "a: 😀", "a: '😀'", "a: \u200b", "a: \u202e", "a: \ud7ff", "a: \ue000", "a: \ufffd", "a: \uffff",
]  # fmt: skip

_SIZES: Final = [
    "a: " + "[" * 150 + "]" * 150, "a: " + "[" * 50, "- " * 100 + "a", "a: " + "{b: " * 100 + "1" + "}" * 100,
    "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "a: &a {x: 1}\n" + "".join(f"k{n}: *a\n" for n in range(50)), "a: " + "x" * 5000, "a: '" + "y " * 3000 + "'",
]  # fmt: skip

GROUPS: Final[dict[str, list[str]]] = {
    "words": [place.format(word) for word in _WORDS for place in _PLACES],
    "numbers": [place.format(number) for number in _NUMBERS for place in _PLACES[:3]],
    "tags": _TAGGED,
    "keys": _KEYS,
    "anchors": _ANCHORS,
    "merges": _MERGES,
    "streams": _STREAMS,
    "json": _JSON,
    "flow": _FLOW,
    "scalars": _SCALARS,
    "sizes": _SIZES,
}

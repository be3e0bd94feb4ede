"""How a page of Plumb looks: light and dark, from a phone to a wide screen. One sheet for all."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--text:#1c2024;--soft:#5b6370;--back:#fff;--card:#f6f7f9;
--line:#d9dde3;--green:#10652f;--green-back:#e6f6ea;--red:#a3161f;--red-back:#fdecec;
--yellow:#7a4d00;--violet:#7b2a8c;--link:#0b57b0}@media (prefers-color-scheme:dark){:root{
--text:#e4e7eb;--soft:#9aa3af;--back:#14171a;--card:#1d2125;--line:#343a41;--green:#7fd797;
--green-back:#12301c;--red:#ff9a9a;--red-back:#3a1719;--yellow:#f0c060;--violet:#dba3e6;
--link:#7db4f5}}*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:72rem;
background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif;
overflow-wrap:anywhere}h1{font-size:1.35rem;line-height:1.3;margin:.2rem 0}h2{font-size:1.1rem;
margin:1.6rem 0 .4rem}p{margin:.3rem 0}code,pre,.name{
font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}.soft{
color:var(--soft)}.app{border:1px solid var(--line);border-radius:8px;margin:.8rem 0;
background:var(--card)}.app>summary{padding:.6rem .8rem;font-weight:600}.app>.in{
padding:0 .8rem .6rem}summary{cursor:pointer}summary:focus-visible{
outline:2px solid var(--link);outline-offset:2px}.counts{display:block;font-weight:400;
color:var(--soft)}.object{border-top:1px solid var(--line);padding:.35rem 0}
.object>summary,.object>.head{display:flex;flex-wrap:wrap;gap:.1rem .6rem;align-items:baseline}
.object>summary::before{content:"\\25b8";width:.8em;color:var(--soft)}
.object[open]>summary::before{content:"\\25be"}.object>.head{padding-left:1.4rem}.word{
min-width:5.5rem;font-weight:600}.green{color:var(--green)}.red{color:var(--red)}.yellow{
color:var(--yellow)}.magenta{color:var(--violet)}pre{margin:.4rem 0;padding:.4rem 0;
background:var(--back);border:1px solid var(--line);border-radius:6px;overflow-x:auto;
overflow-wrap:normal;line-height:1.45}pre span{display:block;padding:0 .6rem;
min-width:max-content}.add{background:var(--green-back);color:var(--green)}.del{
background:var(--red-back);color:var(--red)}.chg{color:var(--yellow)}.gap{color:var(--soft)}
pre i{font-style:normal;opacity:.75;padding-left:1.5rem}.trouble{
border-left:4px solid var(--red);background:var(--red-back);padding:.4rem .7rem;margin:.5rem 0;
border-radius:0 6px 6px 0}.trouble.warning{border-color:var(--yellow);background:var(--card)}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin:.6rem 0;
font-variant-numeric:tabular-nums}th,td{padding:.25rem .6rem;
border-bottom:1px solid var(--line);text-align:right}th{white-space:nowrap}
th:first-child,td:first-child{text-align:left;overflow-wrap:normal}
@media (max-width:40rem){body{padding:.6rem;font-size:15px}
.app>summary{padding:.5rem .6rem}.app>.in{padding:0 .6rem .5rem}.word{min-width:4.5rem}
.object>.head{padding-left:0}}@media print{.object>summary::before{content:""}}
""".strip()

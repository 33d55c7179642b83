"""How the page of an evaluation looks, on a screen and on paper."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 66em; margin: 2em auto; padding: 0 1em;
       color: #222; background: #fff; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2.2em; }
table { border-collapse: collapse; font-size: .87em; margin: .6em 0; }
caption { text-align: left; color: #555; caption-side: bottom; padding-top: .3em; }
th, td { padding: .25em .5em; border-bottom: 1px solid #ddd; text-align: right;
         white-space: nowrap; }
th { border-bottom-color: #888; font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
tr.lbn td { font-weight: 600; background: #fff4ec; } tr.sample td { color: #888; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
table.facts td:first-child { white-space: nowrap; }
p.verdict { border-left: 5px solid #999; padding: .4em .8em; margin: .6em 0;
            background: #f5f5f5; }
p.better { border-color: #009e73; } p.worse { border-color: #d55e00; }
p.equal, p.mixed { border-color: #e69f00; }
img { max-width: 100%; display: block; } .small { color: #555; font-size: .9em; }
@media print { h2, img, table { break-inside: avoid; } h2 { break-after: avoid; } }
"""

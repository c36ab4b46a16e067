"""The edges of the three slimmed networks that the paper's authors published (their figure 7).

Stages 2 to 10 separated by `;`, target branches 0 to 3 by `|`, each listing its source branches; `-` is a block that
was dropped.
"""

RELEASED = {
    "300w": (
        "0|0|-|0; 03|013|-|13; 01|013|-|-; 0|1|-|-; 01|1|-|-; 01|01|1|-;"
        "012|012|2|-; 012|012|012|-; 012|012|02|2"
    ),
    "cofw": (
        "0|0|0|-; 0|-|1|12; 0|03|2|-; 01|2|-|1; 0|03|13|-; 012|2|-|1;"
        "3|013|3|-; 012|012|2|-; 0|012|2|-"
    ),
    "wflw": (
        "0|0|0|-; -|01|1|012; 13|23|-|3; -|01|03|-; 2|-|-|12; -|-|03|-;"
        "2|-|2|2; 02|03|3|-; 012|012|012|-"
    ),
}  # fmt: skip

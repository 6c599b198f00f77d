# %% [markdown]
# # 2 · Why symmetry helps
#
# **Goal.** Understand how a group of transforms lets measurements of *one* incomplete operator speak about what that operator never sees, measure how much a group can teach, and meet groups that teach nothing.
#
# A turned knee is a knee; a shifted photograph is a photograph. If $T_g x$ is an image whenever $x$ is one, then
# $$y = A\,x = A\,T_g\,\underbrace{(T_g^{-1}x)}_{x'} = (A\,T_g)\,x',$$
# so every measurement by $A$ is *also* a measurement, by the operator $A\,T_g$, of another image $x'$ of the same kind. Over many images, all operators $A T_{g}$ are at work, though the device only ever has $A$. What can be learnt from measurements is what the stacked operator
# $$\begin{pmatrix} A \\ A\,T_{g_1} \\ A\,T_{g_2} \\ \vdots \end{pmatrix}$$
# sees: to learn all of $x$ its rank has to be $n$ ([Tachella, Chen & Davies 2023](https://jmlr.org/papers/v24/22-0315.html)).

# %% tags=["parameters"]
preset = "quick"
interactive = True
side = 16
counts = [0, 1, 2, 4, 8, 16, 32]

# %%
# %matplotlib inline
import math

import torch
from IPython.display import display

from reilab.course import Axes, Line, Table, chart, row
from reilab.groups import GROUPS, Shifts
from reilab.identifiability import inspect
from reilab.key import Key
from reilab.nullspace import measured_part
from reilab.physics import CartesianMRI, PixelMask, parallel_beam, random_columns, random_pixels

# %% [markdown]
# ## Three small operators
#
# With images of 16×16 pixels every operator is a matrix that can be looked at, and its rank can be counted. (CT: the line integrals $R$; the exponential in front of them loses nothing.)

# %%
operators = {
    "mri": CartesianMRI((2, side, side), random_columns(side, 4, 0.2, seed=2)),
    "inpainting": PixelMask((1, side, side), random_pixels(side, 0.4, Key(0))),
    "ct": parallel_beam(side, 6, "cpu", torch.float64),
}
usual = {"mri": "rotations", "inpainting": "shifts", "ct": "rotations"}


# %%
def matrix_of(physics, moved=lambda images: images):
    unit = torch.eye(math.prod(physics.domain), dtype=torch.float64).view(-1, *physics.domain)
    return physics(moved(unit)).flatten(1).T


def singular_values(physics, group=None, g=()):
    stack = [matrix_of(physics)]
    stack += [matrix_of(physics, lambda unit, one=one: group.act(one[None], unit)) for one in g]
    gram = sum(matrix.T @ matrix for matrix in stack) / len(stack)
    return torch.linalg.eigvalsh(gram).flip(0).clamp(min=0).sqrt()


def share(values, tolerance=1e-5):
    return float((values > tolerance * values[0]).double().mean())


def alone(name):
    rows, columns = matrix_of(operators[name]).shape
    seen = share(singular_values(operators[name]))
    return {"task": name, "m": rows, "n": columns, "rank": round(seen * columns), "share": seen}


Table([alone(name) for name in operators])


# %% [markdown]
# ## The identifiability meter
#
# Now stack: draw transforms $g_1, g_2, \dots$ from the group that each task uses, and count again. The meter is the rank of the stack over $n$: 1 means that nothing is beyond reach.

# %%
def elements(group, n):
    return GROUPS[group](side).sample(n, (Key(0) / group).generator())


def meter(name, group, n):
    return share(singular_values(operators[name], GROUPS[group](side), elements(group, n)))


# %%
shares = {name: [meter(name, usual[name], n) for n in counts] for name in operators}
lines = {f"{name}, {usual[name]}": Line(counts, values) for name, values in shares.items()}
chart(lines, Axes("transforms beside the identity", "share of the dimensions seen"))

# %% [markdown]
# **What you should see.** Each curve starts at the share that $A$ sees alone, and climbs to 1. It cannot climb faster than by what $A$ sees, so MRI, which measures a quarter, needs three transforms at the very least. Random shifts show pixels that were seen already, so the last ones take longest.
#
# In inpainting one can watch it: $A\,T_g$ sees the pixels of a shifted mask, and a pixel counts as seen if any of the masks shows it.

# %%
mask = operators["inpainting"]
places = mask.adjoint(torch.ones(1, *mask.range))


def union(n):
    g = elements("shifts", n)
    moved = torch.cat([places, Shifts(side).act(-g, places)]) if n else places
    return row({"A sees": places, f"with {n} shifts": moved.amax(0)})


# %%
if interactive:
    from ipywidgets import interact

    interact(union, n=(0, 12))
else:
    display(union(3))


# %% [markdown]
# ## Seen, but how well?
#
# A rank is all or nothing; noise is not. The singular values of the stack say how strongly each dimension is seen: what has a small one is seen faintly, and drowns in noise first.

# %%
def spectrum(n):
    group = GROUPS["rotations"](side)
    values = singular_values(operators["mri"], group, elements("rotations", n)).clamp(min=1e-6)
    return Line(range(1, len(values) + 1), values.tolist(), style="-")


lines = {f"{n} rotations": spectrum(n) for n in (0, 1, 4, 32)}
chart(lines, Axes("dimension", "singular value", y_scale="log"))


# %% [markdown]
# **What you should see.** MRI alone is a step: a quarter of the dimensions with singular value 1, the rest with 0 (drawn at $10^{-6}$). A few rotations reach all dimensions, the last of them with a hundredth of the strength of the first. More rotations even them out. (The values are divided by the root of the number of operators: they say how strongly a dimension is seen *per measurement*, and the first ones fall as the others rise.)
#
# ## A group that commutes with $A$ teaches nothing
#
# Suppose that turning the image only turns the measurement: $A\,T_g = T'_g\,A$ for some $T'_g$ that acts on measurements. Then $A\,T_g x$ can be computed from $A\,x$. Nothing new is measured: whatever lies in the null space of $A$ lies in that of $A\,T_g$. The converse holds too: if $A\,T_g$ vanishes on the null space, take $T'_g = A\,T_g A^\dagger$. So there is a test: with $N$ the projector on the null space of $A$,
# $$\frac{\|A\,T_g\,N\|^2}{\|A\,T_g\|^2} = 0 \iff A\,T_g = T'_g\,A.$$

# %%
def news(physics, group, g):
    matrix = matrix_of(physics)
    blind = (
        torch.eye(matrix.shape[1], dtype=torch.float64)
        - torch.linalg.pinv(matrix, rtol=1e-5) @ matrix
    )
    moved = [matrix_of(physics, lambda unit, one=one: group.act(one[None], unit)) for one in g]
    return torch.stack([(one @ blind).square().sum() / one.square().sum() for one in moved])


def row_of_news(name):
    found = {"task": name}
    for group in GROUPS:
        shares = news(operators[name], GROUPS[group](side), elements(group, 8))
        found[group] = f"{float(shares.mean()):.3f}"
    return found


Table([row_of_news(name) for name in operators])

# %% [markdown]
# **What you should see.**
#
# - MRI and shifts: **0**. A shift multiplies each column of the Fourier transform by phases; a column that is missing stays missing. For MRI shifts are useless, though a shifted knee is a knee.
# - Inpainting: every group that moves pixels to where the mask has none teaches something. But there are only three quarter turns, and three flips: the meter below stops short of 1.
# - CT: a quarter turn or a flip maps the six views onto themselves, so it should teach nothing. The little that is left comes from interpolation, and from the half pixel between the centre of the image and that of the projector. Rotations by other angles teach far more.

# %%
groups = ("shifts", "quarter-turns", "flips")
lines = {group: Line(counts, [meter("inpainting", group, n) for n in counts]) for group in groups}
chart(lines, Axes("transforms beside the identity", "share of the pixels seen"))


# %% [markdown]
# ## The lost part, moved
#
# The same seen with one image. Split it as in notebook 1, and transform the part that $A$ loses: how much of its energy does $A$ see now?

# %%
def energy(x):
    return float(x.square().sum())


def seen_when_moved(name):
    physics, group = operators[name], GROUPS[usual[name]](side)
    x = torch.randn(1, *physics.domain, generator=Key(1).generator(), dtype=torch.float64)
    lost = x - measured_part(physics, x)
    moved = group.act(elements(usual[name], 8), lost)
    found = {"lost of x": energy(lost) / energy(x)}
    found["seen of the lost"] = energy(measured_part(physics, lost)) / energy(lost)
    found["and moved"] = energy(measured_part(physics, moved)) / energy(moved)
    return {"task": name} | {told: f"{share:.1%}" for told, share in found.items()}


Table([seen_when_moved(name) for name in operators])


# %% [markdown]
# **What you should see.** Where it lies, the lost part leaves no trace. Moved, $A$ sees nearly as much of it as of any image. That is how a wrong guess in the null space is found out, and why the lab splits every error in two: **PSNR range** is that of the part of the error that $A$ sees, **PSNR null space** that of the rest. Measurements alone can better the first; only a group, or examples, can better the second.

# %% [markdown]
# ## A group of your own
#
# A group is any object that can `sample`, `act` and give the `inverse`. This one shifts by even numbers of pixels only. For a random mask it is as good as all shifts; for a *chequered* mask it commutes.

# %%
class EvenShifts:
    def sample(self, n, rng):
        return 2 * torch.randint(0, side // 2, (n, 2), generator=rng)

    def act(self, g, x):
        return Shifts(side).act(g, x)

    def inverse(self, g):
        return -g


# %%
tile = (torch.arange(side)[:, None] + torch.arange(side)) % 2 == 0
chequered = PixelMask((1, side, side), tile.flatten().nonzero().flatten())
g = EvenShifts().sample(8, Key(0).generator())


def verdict(told, physics, group, g):
    seen = share(singular_values(physics, group, g))
    return {"mask": told, "news": float(news(physics, group, g).mean()), "share seen": seen}


# %%
any_shifts = elements("shifts", 8)
Table(
    [
        verdict("random, even shifts", mask, EvenShifts(), g),
        verdict("chequered, even shifts", chequered, EvenShifts(), g),
        verdict("chequered, all shifts", chequered, Shifts(side), any_shifts),
    ]
)

# %% [markdown]
# **What you should see.** The same group is good for one operator and worthless for another. Symmetry helps where the *images* have it and the *operator* does not. That answers the first of three questions that people ask the [authors](https://github.com/edongdongchen/REI), *which group, for which operator?* Notebook 6 takes up *is it the network, or the group?*, and notebook 9 *why not train on synthetic pairs?*
#
# ## Where no matrix fits
#
# At 256×256 pixels a matrix would have 10¹⁰ entries. The same shares can be estimated from products with $A$ alone, for a few images of random signs (Lanczos' iteration; a dimension counts if it is seen with a tenth of the greatest strength): `reilab inspect mri --size 256` does it for each group, and tells how sure it is.

# %%
def estimated(name):
    found = inspect(operators[name], GROUPS[usual[name]](side), Key(0))
    parts = {"alone": found.alone, f"with {found.n_elements} {usual[name]}": found.through}
    told = {part: f"{one.value:.3f} ± {one.deviation:.3f}" for part, one in parts.items()}
    return {"task": name} | told


for name in operators:
    display(Table([estimated(name)]))

# %% [markdown]
# ## Questions to try
#
# 1. Rank $n$ is necessary. Why is it not enough? (What else must hold of the set of images? Think of a set that holds all of $\mathbb R^n$.)
# 2. How many transforms are needed at the least, if $A$ sees $m$ of $n$ dimensions? Compare with the first chart.
# 3. In the meter, use `share(values, tolerance=0.05)`: a dimension counts only if it is seen with a twentieth of the greatest strength. How many transforms does it take now?
# 4. Let CT have 7 views in place of 6. Do quarter turns teach something now? Why?
# 5. Is there a group under which photographs stay photographs that is *not* made of shifts, turns and mirrors? Brightness? Zoom? What would it teach in inpainting?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# The rank says that no image is out of reach of the operators taken together, but each image is still measured by *one*. If the set of images is all of $\mathbb R^n$, it stays itself under every group, and nobody can say which of the many $x$ with $Ax = y$ was there. $A$ must not map two images of the set to one measurement: the set has to be small. For nearly every $A$ it is enough that $m > 2k$, $k$ the dimension of the set (Tachella, Chen & Davies 2023).
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# Each operator sees at most as many dimensions as $A$ has rank $r$, so it takes $\lceil n/r \rceil$ operators: one is $A$ itself. MRI: $512/128 = 4$, three transforms. Inpainting: $256/102 = 2.5$, two. CT: $256/117 = 2.2$, two (its 138 readings depend on each other). CT comes to 1 with two; MRI sees 0.992 with three and all with four; the pixels that random shifts have missed are found by the sixteenth.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# In inpainting it changes nothing: a pixel is seen or not. MRI has 0.78 with four transforms, 0.98 with eight, and 0.992 with 64: some dimensions stay faint however many turns there are. CT has 0.85 with 64. Seen by the rank is not seen in the presence of noise.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# Yes: `news` goes from 0.05 to 0.23. Seven views are 180°/7 apart, and 90° is three and a half times that: a quarter turn brings them half-way between each other. Six are 30° apart, and 90° is three times that.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# Brightness: twice as bright a photograph is one, too, but $A(cx) = c\,A x$, so it commutes with $A$ and teaches nothing. Zoom: a photograph that is enlarged about its centre is one, and pixels come to lie elsewhere, so it does teach where the mask has holes, nearly nothing about the pixel in the centre. But on a grid it has no inverse: what leaves the image is gone.
#
# </details>

# %% [markdown]
# # 1 · What is measured, and what is lost
#
# **Goal.** See, for three imaging problems, which part of an image its measurements hold and which part leaves no trace in them. Everything that follows in this course is about winning back the second part without ever seeing it.
#
# An imaging device turns an image $x$ into a measurement
# $$y = \mathrm{noise}\bigl(A(x)\bigr).$$
# $A$ is known: it is how the device works. It is incomplete: there are fewer numbers in $y$ than in $x$.

# %% tags=["parameters"]
preset = "quick"
interactive = True
test_image = 3

# %%
# %matplotlib inline
import torch
from IPython.display import display

import reilab
from reilab.course import SIGNED, Table, row, rows

# %% [markdown]
# ## Three operators
#
# - **Accelerated MRI.** $A$ takes the Fourier transform and keeps a quarter of its columns.
# - **Inpainting.** $A$ keeps 70 % of the pixels.
# - **Low-dose CT.** $A(x) = I_0\, e^{-\mu R x}$: $R$ adds up the image along straight lines, here in 20 directions; $I_0$ photons set out on each line, and the object swallows most of them.
#
# $A^\dagger$ is the simplest way back: zeros where nothing was measured, or filtered back-projection in CT. No noise yet.

# %%
changes = {"mri": {}, "inpainting": {}, "ct": {"views": 20}}
configs = {name: reilab.configure(name, preset, settings=s) for name, s in changes.items()}
problems = {name: reilab.build(config) for name, config in configs.items()}
images = {name: p.test.batch(torch.tensor([test_image])).x for name, p in problems.items()}


# %%
def journey(name):
    p, x = problems[name], images[name]
    u = p.physics(x)
    pictures = {"x": p.image(x), p.picture.title: p.picture.draw(u)}
    return pictures | {f"A†A x, {name}": p.image(p.physics.pinv(u))}


rows([journey(name) for name in problems])


# %% [markdown]
# Count unknowns $n$ and measured numbers $m$ of one image. Where $m < n$, no method whatever can read $x$ off $y$ without knowing something about images. (MRI images are complex: two numbers per pixel.)

# %%
def sizes(name):
    x, y = images[name], problems[name].physics(images[name])
    return {"task": name, "n": x.numel(), "m": y.numel(), "m / n": y.numel() / x.numel()}


Table([sizes(name) for name in problems])

# %% [markdown]
# ## Two parts of an image
#
# For a linear $A$ every image splits into two parts at right angles:
# $$x = \underbrace{A^\dagger A\,x}_{\text{measured}} + \underbrace{(I - A^\dagger A)\,x}_{\text{lost: in the null space of } A}, \qquad A\,(I - A^\dagger A)\,x = 0.$$
#
# In CT the exponential loses nothing (it can be undone), so the lost part is that of $R$. There the split takes an iteration, because filtered back-projection is only nearly $R^\dagger$, and it ends after twenty steps: what is seen more faintly than those find counts as lost.

# %%
linear = {name: p.physics for name, p in problems.items()}
linear["ct"] = problems["ct"].physics.radon
measured = {name: problems[name].split(images[name])[0] for name in problems}
lost = {name: images[name] - measured[name] for name in problems}


# %%
def parts(name):
    whole = {"x": images[name], "measured": measured[name], f"lost in {name}": lost[name]}
    # Of a complex image the real part.
    return {title: image[:, :1] for title, image in whole.items()}


rows([parts(name) for name in problems], (-1.0, 1.0), SIGNED)


# %% [markdown]
# Red is above zero, blue below; of the photograph the red channel is shown.
#
# **What you should see.** MRI loses the fine structure in one direction only, the one in which columns of the Fourier transform are missing. Inpainting loses single pixels. CT loses streaks along the edges of things, between the directions of the views.

# %%
def shares(name):
    total, gone = images[name].square().sum(), lost[name].square().sum()
    trace = linear[name](lost[name]).norm() / linear[name](images[name]).norm()
    return {"task": name, "energy lost": f"{gone / total:.2%}", "‖A lost‖ / ‖A x‖": f"{trace:.0e}"}


Table([shares(name) for name in problems])

# %% [markdown]
# ## Two images, one measurement
#
# Take the lost part of *another* image, as much of it as you like:
# $$x_t = A^\dagger A\,x + (1 - t)\,(I - A^\dagger A)\,x + t\,(I - A^\dagger A)\,x'.$$
# All these images have exactly the same measurement as $x$.

# %%
p, x = problems["inpainting"], images["inpainting"]
other = p.test.batch(torch.tensor([test_image - 1])).x
other_lost = p.split(other)[1]


def impostor(t):
    made = measured["inpainting"] + (1 - t) * lost["inpainting"] + t * other_lost
    gap = float((p.physics(made) - p.physics(x)).abs().max())
    return row(
        {
            "x": x,
            f"x_t, t = {t:.1f}": made,
            f"same y: gap {gap:.0e}": p.physics.adjoint(p.physics(made)),
        }
    )


# %%
if interactive:
    from ipywidgets import interact

    interact(impostor, t=(0.0, 1.0, 0.1))
else:
    display(impostor(1.0))


# %% [markdown]
# Whatever looks at $y$ alone, such as **measurement consistency** $\frac1m\|y - A\,f(y)\|^2$, cannot tell these images apart. A network $f$ trained with it fills the null space with anything. That is the first ill: *incompleteness*.
#
# ## And then there is noise
#
# The second ill. $A^\dagger$ carries the noise of $y$ into the image, but only into its measured part. Where $A A^\dagger = I$ the two errors are at right angles, and their energies add up:
# $$\|A^\dagger y - x\|^2 = \underbrace{\|(I - A^\dagger A)\,x\|^2}_{\text{lost}} + \underbrace{\|A^\dagger(y - A x)\|^2}_{\text{noise}}.$$

# %%
def error_energies(name):
    p, x = problems[name], images[name]
    y = p.noise.sample(p.physics(x), [(reilab.Key(0) / "noise").generator()])
    error = (p.physics.pinv(y) - x).square().sum().item()
    gone = lost[name].square().sum().item()
    noise = p.physics.pinv(y - p.physics(x)).square().sum().item()
    return {"task": name, "‖A†y − x‖²": error, "lost": gone, "noise": noise, "sum": gone + noise}


Table([error_energies(name) for name in ("mri", "inpainting")])

# %% [markdown]
# **What you should see.** The sum is the error, to the last digit. In MRI at this noise both ills weigh alike; in inpainting the missing pixels weigh more.
#
# The rest of the course cures one ill after the other: symmetry wins back what is lost (notebooks 2 and 3), Stein's estimate deals with the noise (4 and 5), and Robust Equivariant Imaging does both (6, 7, 8).
#
# ## Questions to try
#
# 1. Set `test_image = 5`. Which of the three problems depends most on the image?
# 2. Give MRI `{"center": 0.2}` in `changes`: as many columns, but most of them in the middle. What does the lost part look like now? And CT with `{"views": 10}`, or 50?
# 3. Why does CT's lost part have its largest values at edges?
# 4. The row of CT is missing from the last table. Which step of the argument fails there? (Two things are not as in the formula.)
# 5. Could a cleverer $A^\dagger$, linear or not, win back the lost part without knowing anything about images?
#
# **Solutions**, to be opened once you have one of your own:
#
# <details markdown="1"><summary>Solution 1</summary>
#
# CT, if the lost share is seen beside its own size: over a dozen test images it lies between 0.8 and 1.0 %. In MRI it lies between 6.8 and 7.5 %, in inpainting between 29.6 and 31.1 %. A mask loses three tenths of whatever the image is; CT and MRI lose what the image has in certain directions of its Fourier transform, which differs.
#
# </details>
#
# <details markdown="1"><summary>Solution 2</summary>
#
# In MRI the lost share falls from 6.8 to 2.1 %: images have most of their energy in the middle columns. What is still lost is finer, and that its energy is small does not mean that the eye will not miss it. In CT 10, 20 and 50 views lose 2.3, 0.9 and 0.2 %.
#
# </details>
#
# <details markdown="1"><summary>Solution 3</summary>
#
# Each view knows the Fourier transform of the image along one line through the origin. The lines lie densest near the origin, and furthest apart where frequencies are high, which are those that edges are made of. An edge is seen by the views that look along it; a direction between two views is not seen.
#
# </details>
#
# <details markdown="1"><summary>Solution 4</summary>
#
# The argument needs that $A^\dagger$ is linear, to split $A^\dagger y$ into that of the image and that of the noise: here it takes a logarithm, and a logarithm of noise alone, which is negative half of the time, means nothing. And it needs right angles, $A A^\dagger = I$: filtered back-projection is no pseudo-inverse, so that what it makes of the noise has a share in the null space.
#
# </details>
#
# <details markdown="1"><summary>Solution 5</summary>
#
# No. All $x_t$ have the same $y$, so whatever is computed from $y$ alone gives the same answer for all of them, and is wrong for all but one. What is to be won back has to come from somewhere else: from other images, or from what is known of all images.
#
# </details>

"""The studio's HTML: the sign-in page, and the frame that each page's own script fills."""

from __future__ import annotations

from html import escape

NAVIGATION = (
    ("runs", "Runs"),
    ("inbox", "Inbox"),
    ("flows", "Flows"),
    ("tables", "Tables"),
    ("playground", "Playground"),
)
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/studio/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/studio/static/style.css">
"""


def sign_in_page(
    project: str, csrf: str, next: str, error: str, *, no_role: bool, key_file: str
) -> str:
    """The sign-in page; it works without scripts. `key_file` is where a demo keeps its key."""
    said = f'<p class="error" id="why" role="alert">{escape(error)}</p>' if error else ""
    if no_role:
        said += (
            '<p class="notice">This project has no role <code>admin</code>, so nobody can sign in. '
            "Add it under <code>roles:</code> in project.yaml.</p>"
        )
    get_one = (
        f"This is a demo: its key stands in <code>{escape(key_file)}</code>."
        if key_file
        else "Make a key with <code>actionflow keys create --role admin</code>."
    )
    described = ' aria-describedby="why" aria-invalid="true"' if error else ""
    return f"""{HEAD.format(title=f"Sign in · {escape(project)}")}</head>
<body class="signing-in">
<main class="sign-in">
<h1><img src="/studio/static/icon.svg" alt="" width="28" height="28"> Actionflow studio</h1>
<p>of the project <strong>{escape(project)}</strong></p>
{said}
<form method="post" action="/studio/sign-in">
<label for="token">API key or token of an admin</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password"
 spellcheck="false"{described}>
<input type="hidden" name="csrf" value="{escape(csrf)}">
<input type="hidden" name="next" value="{escape(next)}">
<button class="primary">Sign in</button>
</form>
<p class="dim">{get_one} It is sent to this server once and not kept in the browser.</p>
</main>
</body>
</html>
"""


def frame(
    page: str,
    section: str,
    title: str,
    *,
    project: str,
    mode: str,
    csrf: str,
    caller: str,
    edit: bool,
) -> str:
    """The frame of a page. Its script is /studio/static/PAGE.js, which fills `main`.

    `section` is the name of the entry in the navigation that it belongs to.
    """
    links = "".join(
        f'<a href="/studio/{name}"{CURRENT if name == section else ""}>{text}</a>'
        for name, text in NAVIGATION
    )
    return f"""{HEAD.format(title=f"{escape(title)} · {escape(project)} · Actionflow studio")}\
<meta name="csrf" content="{escape(csrf)}">
<script type="module" src="/studio/static/{page}.js"></script>
</head>
<body data-page="{page}" data-edit="{"on" if edit else "off"}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/studio/runs"><img src="/studio/static/icon.svg" alt="" width="24" height="24">
<span>{escape(project)}</span></a>
<nav aria-label="Studio">{links}</nav>
<div class="who"><span class="mode {escape(mode)}">{escape(mode)} mode</span>
<form method="post" action="/studio/sign-out"><input type="hidden" name="csrf" value="{escape(csrf)}">
<button class="quiet" title="Signed in as {escape(caller)}">Sign out</button></form></div>
</header>
<main id="main" tabindex="-1"><h1>{escape(title)}</h1><p class="dim" id="loading" role="status">Loading…</p>
<noscript><p class="error">The studio's pages need JavaScript.</p></noscript></main>
</body>
</html>
"""


CURRENT = ' aria-current="page"'

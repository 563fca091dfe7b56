/**
 * Where the tab lands in which a user has signed in again, for a page that waits in another one. The client, which it
 * loads, tells that page and closes this tab; no script stands in the page itself, as a strict policy would refuse it.
 */
export const resumedPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Signed in</title>
<p>You are signed in. Go back to the page where you were; you may close this one.</p>
<script type="module" src="client.js"></script>
</html>
`

/**
 * Where a sign-in ends that was begun from a covered page, in a tab of its own: its script, the client, tells
 * the other tabs and closes this one. Addresses are relative: behind any prefix or proxy they are right.
 */
export const resumedPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Signed in</title>
<script type="module" src="client.js"></script>
</head>
<body>
<main>
<h1>You are signed in</h1>
<p>You can close this tab and go on where you were. <a href="../">Go on here instead</a></p>
</main>
</body>
</html>
`

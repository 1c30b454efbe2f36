// The arguments are URLs, each followed by a fault to ask for; prints for each what `fetch` makes of it.
const told = (error) => `${error.name}: ${error.message}${error.cause ? ` (${error.cause.code})` : ""}`;

async function ask(url, fault) {
  const headers = { "Content-Type": "application/json", ...(fault && { "X-Mock-Fault": fault }) };
  const signal = AbortSignal.timeout(fault === "stall" ? 200 : 10_000);
  const answer = await fetch(url, { method: "PATCH", headers, body: "[]", signal });
  return answer.text().then(() => answer.status, (error) => `${answer.status}, then ${told(error)}`);
}

const words = process.argv.slice(2);
while (words.length) console.log(await ask(...words.splice(0, 2)).catch(told));

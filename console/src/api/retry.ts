/** A read that a limit refuses is asked again when the hub says so: nobody is to see that. */

const LONGEST_S = 30;
const TRIES = 3;

/** `send` once more for each 429, as long as there is hope; what it aborts is aborted. */
export async function patiently(
  request: Request,
  send: (request: Request) => Promise<Response>,
): Promise<Response> {
  for (let tries = 1; request.method === "GET" && tries < TRIES; tries++) {
    const response = await send(request.clone());
    if (response.status !== 429) return response;
    await pause(secondsOf(response), request.signal);
  }
  return send(request);
}

function secondsOf(response: Response): number {
  const asked = Number(response.headers.get("Retry-After"));
  return Math.min(asked > 0 ? asked : 1, LONGEST_S);
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", abort, { once: true });
  });
}

/** The REST API, typed by its own contract: `await data(api.GET("/api/v1/devices/{id}", …))`. */
import createClient from "openapi-fetch";
import { authority } from "./authority";
import { hubAddress } from "./prefix";
import { problemOf, unreachable } from "./problem";
import { patiently } from "./retry";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

export type { Schemas };
export type Role = Schemas["User"]["role"];

/** With the token; a refused one is renewed once. */
async function authorised(request: Request): Promise<Response> {
  const again = request.clone();
  const response = await send(request);
  if (response.status === 403) authority().readRights();
  if (response.status !== 401 || !(await authority().refresh())) return response;
  return send(again);
}

async function send(request: Request): Promise<Response> {
  const token = authority().accessToken();
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw unreachable(error);
  }
}

export const api = createClient<paths>({
  baseUrl: hubAddress(),
  fetch: request => patiently(request, authorised),
});

type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** `data` of the envelope. Raises `Problem`. */
export async function data<T>(answer: Answer<{ data: T }>): Promise<T> {
  return (await envelope(answer)).data;
}

/** One page of a list, and the cursor of the next. Raises `Problem`. */
export async function page<T>(
  answer: Answer<{ data: T[]; page: { next: string | null } }>,
): Promise<{ items: T[]; next: string | null }> {
  const found = await envelope(answer);
  return { items: found.data, next: found.page.next };
}

/** Every page of a list. Raises `Problem`. */
export async function all<T>(
  ask: (cursor: { cursor?: string }) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const part: { items: T[]; next: string | null } = await ask(cursor === null ? {} : { cursor });
    found.push(...part.items);
    cursor = part.next;
  } while (cursor !== null);
  return found;
}

/** The whole answer: for dispatch, where `success` says how the command ended. Raises `Problem`. */
export async function envelope<T>(answer: Answer<T>): Promise<T> {
  const { data: found, error, response } = await answer;
  if (found === undefined) throw problemOf(response, error);
  return found;
}

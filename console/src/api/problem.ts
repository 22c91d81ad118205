/** A refusal of the hub (RFC 9457), or `unreachable` when there was no answer at all. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fields: readonly { field: string; message: string; line?: number | null }[] = [],
    /** Seconds, where the hub says when to try again. */
    readonly retryAfter: number | null = null,
    /** Of `second_factor`: what the code is shown with. */
    readonly challenge: string | null = null,
  ) {
    super(detail || title);
  }
}

type Document = {
  code?: string;
  title?: string;
  detail?: string;
  challenge?: string;
  errors?: { field: string; message: string; line?: number | null }[];
};

export function problemOf(response: Response, body: unknown): Problem {
  const document = (typeof body === "object" && body !== null ? body : {}) as Document;
  const after = Number(response.headers.get("Retry-After"));
  return new Problem(
    document.code ?? "internal",
    response.status,
    document.title ?? response.statusText,
    document.detail ?? "",
    document.errors ?? [],
    Number.isFinite(after) && after > 0 ? after : null,
    document.challenge ?? null,
  );
}

export function unreachable(cause: unknown): Problem {
  return new Problem("unreachable", 0, "The hub cannot be reached", String(cause));
}

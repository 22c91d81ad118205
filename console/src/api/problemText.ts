import type { Text } from "../text";
import { Problem } from "./problem";

/** One readable line for whatever went wrong. */
export function problemText(error: unknown, text: Text): string {
  const { problems } = text.common;
  if (!(error instanceof Problem)) return String(error instanceof Error ? error.message : error);
  switch (error.code) {
    case "unreachable":
    case "unauthenticated":
    case "internal":
      return problems[error.code];
    case "forbidden":
    case "misdirected":
    case "not_found":
    case "overloaded":
    case "unavailable":
      return error.detail ? `${problems[error.code]} (${error.detail})` : problems[error.code];
    case "too_many_requests":
      return problems.too_many_requests(error.retryAfter ?? 60);
    default: {
      const fields = error.fields.map(({ field, message }) => `${field}: ${message}`);
      return fields.length > 0 ? fields.join("; ") : error.detail || error.title;
    }
  }
}

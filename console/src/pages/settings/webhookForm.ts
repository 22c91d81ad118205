/** A webhook as it is typed, and how it stands. Pure. */
import type { Delivery, Webhook, WebhookBody } from "../../api/webhooks";

export type WebhookForm = {
  name: string;
  url: string;
  /** Separated by spaces; none is what matters by itself. */
  types: string;
  query: string;
  enabled: boolean;
};

export const formOf = (webhook?: Webhook): WebhookForm => ({
  name: webhook?.name ?? "",
  url: webhook?.url ?? "",
  types: (webhook?.types ?? []).join(" "),
  query: webhook?.query ?? "",
  enabled: webhook?.enabled ?? true,
});

/** Headers are not in it: those that there are stay. Null while something is missing. */
export function bodyOf(form: WebhookForm): WebhookBody | null {
  const [name, url, query] = [form.name.trim(), form.url.trim(), form.query.trim()];
  if (name === "" || url === "") return null;
  const types = form.types.split(/[\s,]+/).filter(each => each !== "");
  return {
    name,
    url,
    types: types.length === 0 ? null : (types as NonNullable<WebhookBody["types"]>),
    query: query === "" ? null : query,
    enabled: form.enabled,
  };
}

export type Standing = "delivers" | "fails" | "disabled" | NonNullable<Webhook["reason"]>;

export function standingOf({ enabled, reason, failures }: Webhook): Standing {
  if (enabled) return failures > 0 ? "fails" : "delivers";
  return reason ?? "disabled";
}

export const wasTaken = ({ status }: Delivery) => status !== null && status >= 200 && status < 300;

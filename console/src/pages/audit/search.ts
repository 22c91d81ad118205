/** What the address of the audit log says; absent is all. */
export type AuditSearch = {
  /** Words, each part of actor, action or target. */
  q?: string;
  actor?: string;
  action?: string;
  target?: string;
  outcome?: Outcome;
  /** Hours back from now; or, exactly, `since` and `until`. */
  hours?: number;
  since?: string;
  until?: string;
};

export const OUTCOMES = ["ok", "refused", "failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

const TEXTS = ["q", "actor", "action", "target"] as const;
const TIMES = ["since", "until"] as const;
const MOMENT = /^\d{4}-\d\d-\d\d(T|$)/;

export function auditSearch(search: Record<string, unknown>): AuditSearch {
  const found: AuditSearch = {};
  for (const key of TEXTS) {
    const value = search[key];
    if (typeof value === "string" && value !== "") found[key] = value;
    else if (typeof value === "number") found[key] = String(value);
  }
  for (const key of TIMES) {
    const value = search[key];
    if (typeof value !== "string" || !MOMENT.test(value) || Number.isNaN(Date.parse(value)))
      continue;
    // The hub takes no day without a time.
    found[key] = new Date(value).toISOString();
  }
  const outcome = OUTCOMES.find(one => one === search.outcome);
  if (outcome !== undefined) found.outcome = outcome;
  const { hours } = search;
  if (typeof hours === "number" && hours > 0) found.hours = hours;
  return found;
}

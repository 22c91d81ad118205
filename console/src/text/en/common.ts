import { NONE, number } from "../format";

const plural = (count: number, one: string, many: string) =>
  `${number(count)} ${count === 1 ? one : many}`;

export const common = {
  product: "Longline",
  plural,
  actions: "Actions",
  selection: "Selection",
  cancel: "Cancel",
  close: "Close",
  save: "Save",
  delete: "Delete",
  remove: "Remove",
  retry: "Try again",
  copy: "Copy",
  copied: "Copied",
  loading: "Loading…",
  more: "Show more",
  none: NONE,
  unknown: "unknown",
  devices: (count: number) => plural(count, "device", "devices"),
  lines: {
    same: "Nothing differs.",
    kinds: { same: "unchanged", removed: "removed", added: "added" },
  },
  never: "never",
  now: "just now",
  optional: "optional",
  required: "This field is required.",
  shownOnce: "It is shown this once. Keep it in a safe place.",
  typeToConfirm: (word: string) => `Type ${word} to confirm`,
  roles: {
    NONE: "No role",
    VIEWER: "Viewer",
    OPERATOR: "Operator",
    MANAGER: "Manager",
    ADMIN: "Administrator",
  },
  statuses: {
    ONLINE: "Online",
    OFFLINE: "Offline",
    DEGRADED: "Degraded",
    ERROR: "Error",
    DISABLED: "Disabled",
  } as Record<string, string>,
  problems: {
    unreachable: "The hub cannot be reached. Check that it runs and that the network is up.",
    overloaded: "The hub is overloaded at the moment.",
    unavailable: "The hub cannot do this at the moment.",
    unauthenticated: "Your session has ended.",
    forbidden: "This is not allowed.",
    misdirected: "The hub is not known by this address.",
    not_found: "This does not exist, or no longer.",
    too_many_requests: (seconds: number) => `Too many attempts. Try again in ${seconds} s.`,
    internal: "The hub failed with an internal error. Its log says more.",
  },
};

import type { Approval } from "../../api/approvals";
import { titleOf } from "../../api/commands/specs";
import type { Text } from "../../text";

/** What is to be done, in a word. */
export function whatOf({ command }: Pick<Approval, "command">, text: Text): string {
  if (command === null) return text.approvals.settings;
  const { type, name } = command;
  return type === "application" ? text.approvals.rollOut(String(name)) : titleOf(String(type));
}

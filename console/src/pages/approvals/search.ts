/** What the address of the approvals says. `id`: the one that is open. */
export type ApprovalsSearch = { show?: "decided"; id?: string };

export function approvalsSearch({ show, id }: Record<string, unknown>): ApprovalsSearch {
  return {
    ...(show === "decided" ? { show } : {}),
    ...(typeof id === "string" && id !== "" ? { id } : {}),
  };
}

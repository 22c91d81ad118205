export type ApproveSearch = { code?: string };

export function approveSearch({ code }: Record<string, unknown>): ApproveSearch {
  return typeof code === "string" && code !== "" ? { code } : {};
}

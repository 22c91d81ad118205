/** What the address of a revision says. Kept free of imports: it is part of the first load. */
export type RevisionSearch = {
  /** The revision that it is compared with. */
  against?: string;
};

export function revisionSearch({ against }: Record<string, unknown>): RevisionSearch {
  return typeof against === "string" && against !== "" ? { against } : {};
}

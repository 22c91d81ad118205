/** What addresses of applications say. Kept free of imports: it is part of the first load. */
export const APPLICATION_TABS = ["applications", "config-maps", "registries"] as const;
export type ApplicationsTab = (typeof APPLICATION_TABS)[number];

export type ApplicationsSearch = {
  /** Absent is the applications. */
  tab?: Exclude<ApplicationsTab, "applications">;
};

export function applicationsSearch({ tab }: Record<string, unknown>): ApplicationsSearch {
  return tab === "config-maps" || tab === "registries" ? { tab } : {};
}

export type RevisionSearch = {
  /** The revision that it is compared with. */
  against?: string;
};

export function revisionSearch({ against }: Record<string, unknown>): RevisionSearch {
  return typeof against === "string" && against !== "" ? { against } : {};
}

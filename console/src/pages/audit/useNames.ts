/** Names for the ids of the audit log, as far as this user may know them. */
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, page } from "../../api/client";
import { useReleases } from "../../api/firmware";
import { useUsers } from "../../api/users";
import { useGroupsByName } from "../../parts/names";
import { useMay } from "../../session/access";
import type { Names } from "./names";

const DEPLOYMENTS = 500;

export function useNames(): Names {
  const groups = useGroupsByName();
  const may = useMay();
  const releases = useReleases(may("releases:list")).data;
  const users = useUsers(may("users:list")).data;
  const { data: deployments } = useQuery({
    queryKey: ["deployments", "named"],
    enabled: may("campaigns:list"),
    queryFn: async () => {
      const query = { limit: DEPLOYMENTS };
      return (await page(api.GET("/api/v1/firmware/deployments", { params: { query } }))).items;
    },
  });
  return useMemo(
    () =>
      new Map([
        ...groups,
        ...(releases ?? []).map(({ id, version }) => [id, version] as const),
        ...(deployments ?? []).map(
          ({ id, version, releaseId }) => [id, version ?? releaseId] as const,
        ),
        ...(users ?? []).map(({ id, username }) => [id, username] as const),
      ]),
    [groups, releases, deployments, users],
  );
}

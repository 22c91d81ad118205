/** One device of the fleet; asked for by itself while the fleet is still being loaded. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, data } from "../../api/client";
import { Problem } from "../../api/problem";
import { fleet, useDevice } from "../../live/fleet";

export function useOneDevice(id: string) {
  const device = useDevice(id);
  const asked = useQuery({
    queryKey: ["device", id],
    enabled: device === undefined,
    queryFn: () => data(api.GET("/api/v1/devices/{id}", { params: { path: { id } } })),
  });
  const found = asked.data;
  useEffect(() => {
    if (found !== undefined && fleet.device(id) === undefined) fleet.put(found);
  }, [found, id]);
  const missing = asked.error instanceof Problem && asked.error.status === 404;
  return {
    device: device ?? found,
    missing,
    problem: asked.error,
    retry: () => void asked.refetch(),
  };
}

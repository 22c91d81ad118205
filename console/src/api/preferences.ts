/** What a user has chosen, kept by the hub: one object a user, of which each page has a part. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, data } from "./client";

type Preferences = Record<string, unknown>;

const KEY = ["preferences"];
const PATH = "/api/v1/auth/me/preferences";

async function read(): Promise<Preferences> {
  return data(api.GET(PATH));
}

/** One part, null until it is known, and what changes it. `T` is the page's own; all of it optional. */
export function usePreference<T extends object>(part: string) {
  const queries = useQueryClient();
  const { data: all, isPending } = useQuery({ queryKey: KEY, queryFn: read });
  const { mutate: change } = useMutation({
    mutationFn: async (value: T): Promise<Preferences> => {
      // Another tab may have changed another part meanwhile.
      const body = { ...(await read()), [part]: value };
      return data(api.PUT(PATH, { body }));
    },
    onMutate: value => {
      queries.setQueryData<Preferences>(KEY, known => ({ ...known, [part]: value }));
    },
    onSuccess: kept => queries.setQueryData(KEY, kept),
    onError: () => void queries.invalidateQueries({ queryKey: KEY }),
  });
  const value = isPending ? null : ((all?.[part] ?? {}) as Partial<T>);
  return { value, change };
}

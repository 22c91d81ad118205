/** In whose name the hub is called: the session says it, and until then nobody is signed in. */
export type Authority = {
  accessToken: () => string | null;
  /** Gets a new token; false when there is none to be had. */
  refresh: () => Promise<boolean>;
  /** What is allowed may have changed: the hub has refused something. */
  readRights: () => void;
};

let current: Authority = {
  accessToken: () => null,
  refresh: async () => false,
  readRights: () => undefined,
};

export function actAs(authority: Authority): void {
  current = authority;
}

export const authority = (): Authority => current;

/** Renders a component as inside the console, for a user of `role`. */
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import type { Role } from "../api/client";
import { theme } from "../parts/theme";
import { SessionContext } from "../session/context";
import { grantsOf } from "./rights";

export function renderAs(role: Role, content: ReactNode, grants = grantsOf(role)) {
  const user = { id: "u1", username: "ann", role, displayName: "Ann", orgId: "default", grants };
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrap = (inner: ReactNode) => (
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={queries}>
        <SessionContext value={user}>{inner}</SessionContext>
      </QueryClientProvider>
    </MantineProvider>
  );
  return { ...render(wrap(content)), wrap, queries };
}

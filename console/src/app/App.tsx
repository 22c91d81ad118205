import { Loader, localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type AnyRouter, RouterProvider } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";
import { Problem } from "../api/problem";
import { fleet } from "../live/fleet";
import { FRESH_MS } from "../live/freshness";
import { live } from "../live/socket";
import { keepCurrent } from "../live/stale";
import { theme } from "../parts/theme";
import { holds } from "../session/access";
import { SessionContext } from "../session/context";
import { type SessionUser, session } from "../session/session";
import { useText } from "../text";
import { AskPassword } from "./AskPassword";
import { Boundary } from "./Boundary";
import { Entrance } from "./Entrance";
import classes from "./entry.module.css";
import { FirstPassword } from "./Password";

/** theme.js reads the same key before anything is drawn. */
const colours = localStorageColorSchemeManager({ key: "longline-theme" });

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      retry: (count, error) => count < 2 && error instanceof Problem && isPassing(error),
      refetchOnWindowFocus: true,
    },
  },
});

function isPassing(problem: Problem): boolean {
  return problem.status === 0 || problem.status === 503;
}

export function App({ nonce, router }: { nonce: string; router: AnyRouter }) {
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      colorSchemeManager={colours}
      getStyleNonce={() => nonce}
    >
      <Notifications position="bottom-right" />
      <QueryClientProvider client={queries}>
        <Boundary>
          <WhoIsThere router={router} />
        </Boundary>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function WhoIsThere({ router }: { router: AnyRouter }) {
  const current = useSyncExternalStore(session.subscribe, session.current);
  const text = useText().common;
  switch (current.state) {
    case "starting":
      return (
        <div className={classes.entry}>
          <Loader aria-label={text.loading} />
        </div>
      );
    case "signed-out":
      return <Entrance because={current.because} challenge={current.challenge} />;
    case "signed-in":
      return current.user.initialPassword ? (
        <FirstPassword username={current.user.username} />
      ) : (
        <SignedIn
          key={`${current.user.id} ${current.user.orgId}`}
          user={current.user}
          router={router}
        />
      );
  }
}

/** What lives from sign-in to sign-out: the socket, the fleet, the answers that were read. */
function SignedIn({ user, router }: { user: SessionUser; router: AnyRouter }) {
  const { grants } = user;
  // Other rights show other devices, and other answers to what was read.
  useEffect(() => {
    if (holds(grants, "devices:list")) fleet.start();
    return () => {
      fleet.stop();
      void queries.invalidateQueries();
    };
  }, [grants]);
  useEffect(() => {
    window.addEventListener("focus", session.readRights);
    return () => window.removeEventListener("focus", session.readRights);
  }, []);
  useEffect(() => {
    live.start();
    const leave = keepCurrent(queries);
    return () => {
      leave();
      live.stop();
      queries.clear();
    };
  }, []);
  // A user object comes with every token.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it changes with each token
  useEffect(() => live.renewed(), [user]);
  return (
    <SessionContext value={user}>
      <RouterProvider router={router} />
      <AskPassword />
    </SessionContext>
  );
}

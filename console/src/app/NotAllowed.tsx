import { Button } from "@mantine/core";
import { Navigate } from "@tanstack/react-router";
import { useChange } from "../api/change";
import { ME, type Me, useMe } from "../api/me";
import { offersPasskeys } from "../api/webauthn";
import { Empty } from "../parts/Empty";
import { LockIcon } from "../parts/icons";
import { Page } from "../parts/Page";
import { useMay } from "../session/access";
import { session } from "../session/session";
import { useText } from "../text";
import { useShellActions } from "./actions";
import { offered } from "./pages";

/** In the place of a page that one may not read. */
export function NotAllowed() {
  const words = useText().shell;
  return (
    <Page title={words.notAllowed}>
      <Empty icon={LockIcon} title={words.notAllowed}>
        <p>{words.notAllowedHint}</p>
      </Empty>
    </Page>
  );
}

/** In a session that has yet to show what the organisation asks for. */
function Lacking({ lacks }: { lacks: NonNullable<Me["lacks"]> }) {
  const words = useText().shell.lacks;
  const actions = useShellActions();
  return (
    <Page title={words.title}>
      <Empty icon={LockIcon} title={words.title}>
        <p>{words.hints[lacks]}</p>
        {lacks === "second_factor" && (
          <Button variant="default" onClick={actions.openFactor}>
            {words.factor}
          </Button>
        )}
        {lacks !== "provider" && <Button onClick={actions.openPasskeys}>{words.passkey}</Button>}
        {lacks !== "provider" && offersPasskeys() && <ShowAgain />}
      </Empty>
    </Page>
  );
}

/** Who has a passkey shows it. */
function ShowAgain() {
  const words = useText().shell.lacks;
  const change = useChange(() => session.reauthenticateByPasskey(), {
    stale: [ME],
    onDone: session.readRights,
  });
  return (
    <Button variant="default" loading={change.isPending} onClick={() => change.mutate(undefined)}>
      {words.show}
    </Button>
  );
}

/** `/`: the first page that one may use. */
export function Home() {
  const [first] = offered(useMay());
  const words = useText().shell;
  const lacks = useMe().data?.lacks ?? null;
  if (first !== undefined) return <Navigate to={first.to} replace />;
  if (lacks !== null) return <Lacking lacks={lacks} />;
  return (
    <Page title={words.nothingYet}>
      <Empty icon={LockIcon} title={words.nothingYet}>
        <p>{words.nothingYetHint}</p>
      </Empty>
    </Page>
  );
}

import { Navigate } from "@tanstack/react-router";
import { Empty } from "../parts/Empty";
import { LockIcon } from "../parts/icons";
import { Page } from "../parts/Page";
import { useMay } from "../session/access";
import { useText } from "../text";
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

/** `/`: the first page that one may use. */
export function Home() {
  const [first] = offered(useMay());
  const words = useText().shell;
  if (first !== undefined) return <Navigate to={first.to} replace />;
  return (
    <Page title={words.nothingYet}>
      <Empty icon={LockIcon} title={words.nothingYet}>
        <p>{words.nothingYetHint}</p>
      </Empty>
    </Page>
  );
}

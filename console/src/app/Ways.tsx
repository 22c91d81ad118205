/** By what else than a password somebody signs in: a passkey, or a provider's page. */
import { Button, Divider, Stack } from "@mantine/core";
import { useState } from "react";
import { PREFIX } from "../api/prefix";
import { type Provider, startOf } from "../api/providers";
import { offersPasskeys } from "../api/webauthn";
import { KeyIcon } from "../parts/icons";
import { session } from "../session/session";
import { useText } from "../text";

/** `onProblem` is told what went wrong, and null at each new try. */
export function Ways(props: {
  providers: readonly Provider[];
  onProblem: (problem: unknown) => void;
}) {
  const words = useText().shell.signIn;
  const pages = props.providers.filter(({ startUrl }) => startUrl !== null);
  if (pages.length === 0 && !offersPasskeys()) return null;
  return (
    <Stack gap="sm" mt="md">
      <Divider label={words.or} />
      <PasskeyButton onProblem={props.onProblem} />
      {pages.map(({ id, name, startUrl }) => (
        <Button
          key={id}
          component="a"
          variant="default"
          fullWidth
          href={startOf(startUrl ?? "", goingOn())}
        >
          {words.by(name)}
        </Button>
      ))}
    </Stack>
  );
}

/** What a provider's page brings somebody back to. */
function goingOn(): Record<string, string> {
  const here = location.pathname.slice(PREFIX.length) + location.search;
  const orgId = session.lastOrg();
  return {
    returnTo: here.startsWith("/login") ? "/" : here,
    ...(orgId === null ? {} : { orgId }),
  };
}

export function PasskeyButton({ onProblem }: { onProblem: (problem: unknown) => void }) {
  const words = useText().shell.signIn;
  const [busy, setBusy] = useState(false);
  if (!offersPasskeys()) return null;
  const ask = async () => {
    setBusy(true);
    onProblem(null);
    try {
      await session.signInByPasskey();
    } catch (error) {
      onProblem(error);
    }
    setBusy(false);
  };
  return (
    <Button
      variant="default"
      fullWidth
      leftSection={<KeyIcon size={14} />}
      loading={busy}
      onClick={() => void ask()}
    >
      {words.passkey}
    </Button>
  );
}

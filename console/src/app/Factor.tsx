import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { beginCode, confirmCode, ME, removeCode, useMe } from "../api/me";
import { problemText } from "../api/problemText";
import { CopyLine } from "../parts/CopyLine";
import { Actions, Hint, Label } from "../parts/Label";
import { Loading } from "../parts/Loading";
import { ProblemLine } from "../parts/ProblemLine";
import { QrCode } from "../parts/QrCode";
import { Secret } from "../parts/Secret";
import { useText } from "../text";

type Close = { onClose: () => void };

/** The code of an authenticator program beside the password. */
export function FactorDialog({ onClose }: Close) {
  const { shell, common } = useText();
  const me = useMe();
  // What it was when the dialog opened: the recovery codes stay in sight when it is confirmed.
  const [had, setHad] = useState<boolean | null>(null);
  if (had === null && me.data !== undefined) setHad(me.data.secondFactors.includes("totp"));
  return (
    <Modal
      opened
      onClose={onClose}
      title={shell.factor.title}
      closeButtonProps={{ "aria-label": common.close }}
    >
      {me.isError && <ProblemLine error={me.error} onRetry={() => void me.refetch()} />}
      {had === null && me.isPending && <Loading height={120} />}
      {had === true && <Remove onClose={onClose} />}
      {had === false && <Begin onClose={onClose} />}
    </Modal>
  );
}

function Remove({ onClose }: Close) {
  const words = useText().shell.factor;
  const change = useChange(() => removeCode(), {
    stale: [ME],
    done: words.removed,
    onDone: onClose,
  });
  return (
    <Stack gap="sm">
      <div>
        <Label tone="ok">{words.on}</Label>
      </div>
      <Hint>{words.removeHint}</Hint>
      <Actions>
        <Button color="red.8" loading={change.isPending} onClick={() => change.mutate(undefined)}>
          {words.remove}
        </Button>
      </Actions>
    </Stack>
  );
}

function Begin({ onClose }: Close) {
  const text = useText();
  const words = text.shell.factor;
  const begin = useChange(() => beginCode());
  const [code, setCode] = useState("");
  const confirm = useChange((typed: string) => confirmCode(typed), { stale: [ME], quiet: true });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.mutate(code.trim());
  };
  if (confirm.data !== undefined)
    return <Recovery codes={confirm.data.recoveryCodes} onClose={onClose} />;
  if (begin.data === undefined)
    return (
      <Stack gap="sm">
        <Hint>{words.hint}</Hint>
        <Actions>
          <Button loading={begin.isPending} onClick={() => begin.mutate(undefined)}>
            {words.begin}
          </Button>
        </Actions>
      </Stack>
    );
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Hint>{words.scan}</Hint>
        <QrCode text={begin.data.uri} label={words.picture} />
        <Secret label={words.secret} value={begin.data.secret} hint={words.secretHint} />
        <Hint>{words.uri}</Hint>
        <CopyLine label={words.uriLabel} line={begin.data.uri} />
        <a href={begin.data.uri}>{words.openHere}</a>
        <TextInput
          label={words.code}
          autoComplete="one-time-code"
          data-autofocus
          maxLength={64}
          value={code}
          error={confirm.isError && problemText(confirm.error, text)}
          onChange={event => setCode(event.currentTarget.value)}
        />
        <Actions>
          <Button type="submit" disabled={code.trim() === ""} loading={confirm.isPending}>
            {words.confirm}
          </Button>
        </Actions>
      </Stack>
    </form>
  );
}

function Recovery({ codes, onClose }: Close & { codes: readonly string[] }) {
  const words = useText().shell.factor;
  return (
    <Stack gap="sm">
      <Secret label={words.recovery} value={codes.join(" ")} hint={words.recoveryHint} />
      <ul className="mono">
        {codes.map(code => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <Actions>
        <Button onClick={onClose}>{words.kept}</Button>
      </Actions>
    </Stack>
  );
}

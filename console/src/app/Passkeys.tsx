import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { ME } from "../api/me";
import { addPasskey, PASSKEYS, type Passkey, removePasskey, usePasskeys } from "../api/passkeys";
import { offersPasskeys } from "../api/webauthn";
import { Confirm } from "../parts/Confirm";
import { Empty } from "../parts/Empty";
import { KeyIcon } from "../parts/icons";
import { Actions, Hint } from "../parts/Label";
import { TimeText } from "../parts/TimeText";
import type { Column } from "../parts/table/columns";
import { DataTable } from "../parts/table/DataTable";
import { session } from "../session/session";
import { useText } from "../text";

/** One's own passkeys: added, listed, removed. */
export function PasskeysDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.shell.passkeys;
  const passkeys = usePasskeys();
  const [removing, setRemoving] = useState<Passkey | null>(null);
  const columns: Column<Passkey>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "added", title: words.added, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "used",
      title: words.used,
      cell: ({ lastUsedAt }) =>
        lastUsedAt === null ? text.common.none : <TimeText at={lastUsedAt} />,
    },
    {
      key: "remove",
      title: "",
      right: true,
      cell: passkey => (
        <Button
          variant="default"
          size="compact-xs"
          aria-label={words.removeOf(passkey.name)}
          onClick={() => setRemoving(passkey)}
        >
          {words.remove}
        </Button>
      ),
    },
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.title}
      size="lg"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <Hint>{words.hint}</Hint>
        <DataTable
          label={words.title}
          columns={columns}
          rows={passkeys.data ?? []}
          keyOf={({ id }) => id}
          marks={({ name }) => ({ "data-passkey": name })}
          reading={passkeys}
          place={120}
          empty={
            <Empty icon={KeyIcon} title={words.none}>
              <p>{words.noneHint}</p>
            </Empty>
          }
        />
        {offersPasskeys() ? <Add /> : <Hint>{words.notHere}</Hint>}
      </Stack>
      {removing !== null && <Remove passkey={removing} onClose={() => setRemoving(null)} />}
    </Modal>
  );
}

function Add() {
  const words = useText().shell.passkeys;
  const [name, setName] = useState("");
  const change = useChange(addPasskey, {
    stale: [PASSKEYS, ME],
    onDone: added => {
      if (!added) return;
      setName("");
      session.readRights();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") change.mutate(name.trim());
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label={words.newName}
          description={words.newNameHint}
          maxLength={128}
          autoComplete="off"
          value={name}
          onChange={event => setName(event.currentTarget.value)}
        />
        <Actions>
          <Button type="submit" disabled={name.trim() === ""} loading={change.isPending}>
            {words.add}
          </Button>
        </Actions>
      </Stack>
    </form>
  );
}

function Remove({ passkey, onClose }: { passkey: Passkey; onClose: () => void }) {
  const words = useText().shell.passkeys;
  const change = useChange(() => removePasskey(passkey.id), {
    stale: [PASSKEYS],
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.removeTitle(passkey.name)}
      act={words.remove}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.removeHint}
    </Confirm>
  );
}

import { Button, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import {
  addCommandKey,
  COMMAND_KEYS,
  type CommandKey,
  removeCommandKey,
  useCommandKeys,
} from "../api/commandKeys";
import { type Passkey, useSigningPasskeys } from "../api/passkeys";
import { Confirm } from "../parts/Confirm";
import { CopyLine } from "../parts/CopyLine";
import { Empty } from "../parts/Empty";
import { KeyIcon } from "../parts/icons";
import { Actions, Hint } from "../parts/Label";
import { TimeText } from "../parts/TimeText";
import type { Column } from "../parts/table/columns";
import { DataTable } from "../parts/table/DataTable";
import { useText } from "../text";

/** The keys by which one signs commands: added, listed, removed; and what passkeys are for devices. */
export function CommandKeysDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.shell.commandKeys;
  const keys = useCommandKeys();
  const [removing, setRemoving] = useState<CommandKey | null>(null);
  const columns: Column<CommandKey>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "key", title: words.key, className: "mono", cell: ({ publicKey }) => publicKey },
    { key: "added", title: words.added, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "remove",
      title: "",
      right: true,
      cell: key => (
        <Button
          variant="default"
          size="compact-xs"
          aria-label={words.removeOf(key.name)}
          onClick={() => setRemoving(key)}
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
      size="xl"
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <Hint>{words.hint}</Hint>
        <DataTable
          label={words.title}
          columns={columns}
          rows={keys.data ?? []}
          keyOf={({ id }) => id}
          marks={({ name }) => ({ "data-command-key": name })}
          reading={keys}
          place={120}
          empty={
            <Empty icon={KeyIcon} title={words.none}>
              <p>{words.noneHint}</p>
            </Empty>
          }
        />
        <Add />
        <OwnPasskeys />
      </Stack>
      {removing !== null && <Remove commandKey={removing} onClose={() => setRemoving(null)} />}
    </Modal>
  );
}

function OwnPasskeys() {
  const words = useText().shell.commandKeys;
  const passkeys = useSigningPasskeys();
  if (passkeys.length === 0) return null;
  return (
    <>
      <Hint>{words.passkeys}</Hint>
      {passkeys.map(passkey => (
        <CopyLine
          key={passkey.id}
          line={operatorOf(passkey)}
          label={words.operator(passkey.name)}
        />
      ))}
    </>
  );
}

/** As it stands in `[signed_commands]` of a device: what is quoted there has no quotes in it. */
function operatorOf({ publicKey }: Passkey): string {
  const { hostname, origin } = location;
  return `{ key = "${publicKey}", rp_id = "${hostname}", origin = "${origin}" }`;
}

function Add() {
  const words = useText().shell.commandKeys;
  const [name, setName] = useState("");
  const [publicKey, setPublicKey] = useState("");
  const change = useChange(addCommandKey, {
    stale: [COMMAND_KEYS],
    onDone: () => {
      setName("");
      setPublicKey("");
    },
  });
  const isFilled = name.trim() !== "" && publicKey.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isFilled) change.mutate({ name: name.trim(), publicKey: publicKey.trim() });
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
        <TextInput
          label={words.newKey}
          description={words.newKeyHint}
          maxLength={1024}
          autoComplete="off"
          spellCheck={false}
          value={publicKey}
          onChange={event => setPublicKey(event.currentTarget.value)}
        />
        <Actions>
          <Button type="submit" disabled={!isFilled} loading={change.isPending}>
            {words.add}
          </Button>
        </Actions>
      </Stack>
    </form>
  );
}

function Remove({ commandKey, onClose }: { commandKey: CommandKey; onClose: () => void }) {
  const words = useText().shell.commandKeys;
  const change = useChange(() => removeCommandKey(commandKey.id), {
    stale: [COMMAND_KEYS],
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.removeTitle(commandKey.name)}
      act={words.remove}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.removeHint}
    </Confirm>
  );
}

import { ActionIcon, Button, Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import type { Role } from "../../api/client";
import { hubAddress } from "../../api/prefix";
import { Problem } from "../../api/problem";
import { problemText } from "../../api/problemText";
import { type ApiKey, createKey, deleteKey, KEYS, useKeys, useUsers } from "../../api/users";
import { hubNow, useHubNow } from "../../live/hubClock";
import { Confirm } from "../../parts/Confirm";
import { CopyLine } from "../../parts/CopyLine";
import { Empty } from "../../parts/Empty";
import { KeyIcon, PlusIcon, TrashIcon } from "../../parts/icons";
import { Actions, Hint, Label } from "../../parts/Label";
import { Secret } from "../../parts/Secret";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { covers, ROLES, useMay } from "../../session/access";
import { useSession } from "../../session/context";
import { useText } from "../../text";

const DAY_MS = 86_400_000;

export function Keys() {
  const text = useText();
  const words = text.users.keys;
  const administers = useMay()("administer");
  const keys = useKeys();
  const users = useUsers(administers);
  const [creating, setCreating] = useState(false);
  const [leaving, setLeaving] = useState<ApiKey | null>(null);
  const owner = (id: string) => users.data?.find(user => user.id === id)?.username ?? id;
  const newKey = (
    <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
      {words.create}
    </Button>
  );
  const ownerColumn: Column<ApiKey> = {
    key: "owner",
    title: words.owner,
    cell: ({ userId }) => owner(userId),
  };
  const columns: Column<ApiKey>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "role", title: text.users.role, cell: ({ role }) => text.common.roles[role] },
    ...(administers ? [ownerColumn] : []),
    {
      key: "created",
      title: text.users.created,
      cell: ({ createdAt }) => <TimeText at={createdAt} />,
    },
    {
      key: "expires",
      title: words.expires,
      cell: ({ expiresAt }) => <Expiry at={expiresAt} />,
    },
    {
      key: "delete",
      title: "",
      right: true,
      cell: key => (
        <ActionIcon aria-label={`${words.delete}: ${key.name}`} onClick={() => setLeaving(key)}>
          <TrashIcon />
        </ActionIcon>
      ),
    },
  ];
  return (
    <Stack gap="sm">
      {keys.data && keys.data.length > 0 && (
        <Actions>
          <span style={{ flex: 1 }}>
            <Hint>
              {words.hint} {administers && words.all}
            </Hint>
          </span>
          {newKey}
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.keys}
        columns={columns}
        rows={keys.data ?? []}
        keyOf={({ id }) => id}
        marks={({ name }) => ({ "data-key": name })}
        reading={keys}
        empty={
          <Empty icon={KeyIcon} title={words.none}>
            <p>{words.hint}</p>
            {newKey}
          </Empty>
        }
      />
      {creating && <CreateKey onClose={() => setCreating(false)} />}
      {leaving && <DeleteKey apiKey={leaving} onClose={() => setLeaving(null)} />}
    </Stack>
  );
}

function Expiry({ at }: { at: string | null }) {
  const words = useText().users.keys;
  const now = useHubNow();
  if (at === null) return words.forEver;
  return Date.parse(at) <= now ? <Label tone="bad">{words.over}</Label> : <TimeText at={at} />;
}

function CreateKey({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.users.keys;
  const me = useSession();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("VIEWER");
  const [days, setDays] = useState("90");
  const change = useChange(
    () => {
      const until = hubNow() + Number(days) * DAY_MS;
      const expiresAt = days === "0" ? null : new Date(until).toISOString();
      return createKey({ name: name.trim(), role, expiresAt });
    },
    { stale: [KEYS], quiet: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  const secret = change.data?.key;
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.createTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {secret ? (
        <Stack gap="sm">
          <Secret label={words.secret(name)} value={secret} />
          <Hint>{words.use}</Hint>
          <CopyLine
            label={words.use}
            line={`curl -H "Authorization: Bearer $KEY" ${hubAddress()}/api/v1/devices`}
          />
          <Actions>
            <Button onClick={onClose}>{words.done}</Button>
          </Actions>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput
              label={words.name}
              placeholder={words.namePlaceholder}
              data-autofocus
              maxLength={256}
              value={name}
              error={
                change.isError &&
                (tooMany(change.error) ? words.tooMany : problemText(change.error, text))
              }
              onChange={event => setName(event.currentTarget.value)}
            />
            <Select
              label={text.users.role}
              description={text.users.may[role]}
              allowDeselect={false}
              value={role}
              data={ROLES.filter(one => covers(me.role, one)).map(value => ({
                value,
                label: text.common.roles[value],
              }))}
              onChange={value => setRole(ROLES.find(one => one === value) ?? role)}
            />
            <Select
              label={words.expiry}
              allowDeselect={false}
              value={days}
              data={["30", "90", "365", "0"].map(value => ({
                value,
                label: words.expiries[value] ?? value,
              }))}
              onChange={value => setDays(value ?? days)}
            />
            <Actions>
              <Button variant="default" onClick={onClose}>
                {text.common.cancel}
              </Button>
              <Button type="submit" disabled={name.trim() === ""} loading={change.isPending}>
                {words.create}
              </Button>
            </Actions>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

/** A user may have no more. */
function tooMany(error: unknown): boolean {
  return error instanceof Problem && error.code === "too_many";
}

function DeleteKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const words = useText().users.keys;
  const change = useChange(() => deleteKey(apiKey.id), { stale: [KEYS], onDone: onClose });
  return (
    <Confirm
      title={words.deleteTitle(apiKey.name)}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}

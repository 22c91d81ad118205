import { ActionIcon, Button, Modal, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import type { Role } from "../../api/client";
import {
  INVITATIONS,
  type Invitation,
  invite,
  useInvitations,
  withdraw,
} from "../../api/organisations";
import { problemText } from "../../api/problemText";
import { Empty } from "../../parts/Empty";
import { PlusIcon, TrashIcon, UserIcon } from "../../parts/icons";
import { Actions } from "../../parts/Label";
import { Secret } from "../../parts/Secret";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { EVERY_ROLE, useMay } from "../../session/access";
import { useText } from "../../text";

/** Those that nobody has accepted yet. */
export function Invitations() {
  const text = useText();
  const words = text.users.invitations;
  const may = useMay();
  const invitations = useInvitations();
  const [inviting, setInviting] = useState(false);
  const end = useChange(withdraw, { stale: [INVITATIONS] });
  const columns: Column<Invitation>[] = [
    { key: "who", title: words.who, cell: ({ username }) => username ?? words.anybody },
    { key: "role", title: text.users.role, cell: ({ role }) => text.common.roles[role] },
    { key: "ends", title: words.ends, cell: ({ expiresAt }) => <TimeText full at={expiresAt} /> },
    {
      key: "withdraw",
      title: "",
      right: true,
      cell: ({ id, username }) =>
        may("invitations:delete") && (
          <ActionIcon
            aria-label={words.withdrawOf(username ?? words.anybody)}
            onClick={() => end.mutate(id)}
          >
            <TrashIcon />
          </ActionIcon>
        ),
    },
  ];
  return (
    <Stack gap="sm">
      {may("invitations:create") && (
        <Actions>
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setInviting(true)}>
            {words.invite}
          </Button>
        </Actions>
      )}
      <DataTable
        label={text.users.tabs.invitations}
        columns={columns}
        rows={invitations.data ?? []}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-invitation": id })}
        reading={invitations}
        empty={
          <Empty icon={UserIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {inviting && <Invite onClose={() => setInviting(false)} />}
    </Stack>
  );
}

function Invite({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.users.invitations;
  const [username, setUsername] = useState("");
  const [role, setRole] = useState<Role>("VIEWER");
  const change = useChange(() => invite({ username: username.trim() || null, role }), {
    stale: [INVITATIONS],
    quiet: true,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.invite}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      {change.data ? (
        <Stack gap="sm">
          <Secret label={words.link} value={change.data.link ?? ""} hint={words.linkHint} />
          <Actions>
            <Button onClick={onClose}>{text.users.keys.done}</Button>
          </Actions>
        </Stack>
      ) : (
        <form onSubmit={submit} autoComplete="off">
          <Stack gap="sm">
            <TextInput
              label={`${text.users.username} (${text.common.optional})`}
              description={words.usernameHint}
              data-autofocus
              autoComplete="off"
              maxLength={128}
              value={username}
              error={change.isError && problemText(change.error, text)}
              onChange={event => setUsername(event.currentTarget.value)}
            />
            <Select
              label={text.users.role}
              description={text.users.may[role]}
              allowDeselect={false}
              value={role}
              data={EVERY_ROLE.map(value => ({ value, label: text.common.roles[value] }))}
              onChange={value => setRole(EVERY_ROLE.find(one => one === value) ?? role)}
            />
            <Actions>
              <Button variant="default" onClick={onClose}>
                {text.common.cancel}
              </Button>
              <Button type="submit" loading={change.isPending}>
                {words.invite}
              </Button>
            </Actions>
          </Stack>
        </form>
      )}
    </Modal>
  );
}

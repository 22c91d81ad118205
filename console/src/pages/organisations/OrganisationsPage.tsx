import { ActionIcon, Button, Menu, Modal, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { ME, useMe } from "../../api/me";
import {
  createOrganisation,
  deleteOrganisation,
  ORGS,
  type Organisation,
  renameOrganisation,
  useOrganisations,
} from "../../api/organisations";
import { problemText } from "../../api/problemText";
import { Confirm } from "../../parts/Confirm";
import { MoreIcon, PlusIcon } from "../../parts/icons";
import { Actions, Hint, Label } from "../../parts/Label";
import { NameDialog } from "../../parts/NameDialog";
import { Page } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useSession } from "../../session/context";
import { useText } from "../../text";

type Open = { deed: "rename" | "delete"; org: Organisation };

/** For who administers the installation. */
export function OrganisationsPage() {
  const text = useText();
  const me = useMe().data;
  const title = text.shell.organisations.title;
  return (
    <Page title={title}>
      {me?.instanceAdmin === false && <Hint>{text.organisations.none}</Hint>}
      {me?.instanceAdmin && <Organisations />}
    </Page>
  );
}

function Organisations() {
  const text = useText();
  const words = text.organisations;
  const { orgId } = useSession();
  const orgs = useOrganisations();
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  const columns: Column<Organisation>[] = [
    {
      key: "name",
      title: words.name,
      cell: ({ id, name }) => (
        <>
          <strong>{name}</strong> {id === orgId && <Label>{words.here}</Label>}
        </>
      ),
    },
    { key: "id", title: words.id, className: "mono", cell: ({ id }) => id },
    { key: "created", title: words.created, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "actions",
      title: "",
      right: true,
      cell: org => <RowMenu org={org} onOpen={setOpen} />,
    },
  ];
  return (
    <Stack gap="sm">
      <Actions>
        <Button leftSection={<PlusIcon size={14} />} onClick={() => setCreating(true)}>
          {words.create}
        </Button>
      </Actions>
      <DataTable
        label={text.shell.organisations.title}
        columns={columns}
        rows={orgs.data ?? []}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-org": id })}
        reading={orgs}
      />
      {creating && <Create onClose={() => setCreating(false)} />}
      {open?.deed === "rename" && (
        <NameDialog
          title={words.rename}
          label={words.name}
          act={words.rename}
          name={open.org.name}
          save={name => renameOrganisation(open.org.id, name)}
          stale={[ORGS, ME]}
          onClose={close}
        />
      )}
      {open?.deed === "delete" && <Delete org={open.org} onClose={close} />}
    </Stack>
  );
}

function RowMenu({ org, onOpen }: { org: Organisation; onOpen: (open: Open) => void }) {
  const words = useText().organisations;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={words.actions(org.name)}>
          <MoreIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onOpen({ deed: "rename", org })}>{words.rename}</Menu.Item>
        <Menu.Item color="red" onClick={() => onOpen({ deed: "delete", org })}>
          {words.delete}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Create({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.organisations;
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const change = useChange(() => createOrganisation({ id: id.trim(), name: name.trim() }), {
    stale: [ORGS, ME],
    quiet: true,
    onDone: onClose,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.create}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label={words.name}
            data-autofocus
            maxLength={128}
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <TextInput
            label={words.id}
            description={words.idHint}
            maxLength={128}
            spellCheck={false}
            value={id}
            error={change.isError && problemText(change.error, text)}
            onChange={event => setId(event.currentTarget.value)}
          />
          <Hint>{words.createHint}</Hint>
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              disabled={id.trim() === "" || name.trim() === ""}
              loading={change.isPending}
            >
              {words.create}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

function Delete({ org, onClose }: { org: Organisation; onClose: () => void }) {
  const words = useText().organisations;
  const change = useChange(() => deleteOrganisation(org.id), {
    stale: [ORGS, ME],
    done: words.ended(org.name),
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.deleteTitle(org.name)}
      act={words.delete}
      typed={org.id}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}

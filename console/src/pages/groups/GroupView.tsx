import { Button, Modal, TextInput } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useChange } from "../../api/change";
import { fleet, useFleet } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { Bindings } from "../../parts/Bindings";
import { CommandDialog } from "../../parts/CommandDialog";
import { Confirm } from "../../parts/Confirm";
import { Empty } from "../../parts/Empty";
import {
  CommandIcon,
  FleetIcon,
  PlusIcon,
  SearchIcon,
  SettingsIcon,
  TrashIcon,
  UserIcon,
} from "../../parts/icons";
import { Hint } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { Listed } from "../../parts/table/Listed";
import { useCompact } from "../../parts/useCompact";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { AddDialog } from "./AddDialog";
import { ConfigDialog } from "./ConfigDialog";
import { DeviceList } from "./DeviceList";
import { change, GROUPS, type Group, readMembers, remove, removeMembers, useMembers } from "./data";
import { GroupDialog } from "./GroupDialog";
import classes from "./groups.module.css";
import { among, hiddenOf, matching, toggled } from "./matching";

type Dialog = "add" | "change" | "delete" | "command" | "config" | "access" | null;

/** One group: who is in it, live, and what can be done with them. */
export function GroupView({ group }: { group: Group }) {
  const text = useText();
  const words = text.groups;
  const may = useMay();
  const members = useMembers(group.id);
  const isPending = useFleet(({ loading }) => loading);
  const error = useFleet(({ problem }) => problem);
  const reading = { isPending, isError: error !== null, error, refetch: () => fleet.load() };
  const [dialog, setDialog] = useState<Dialog>(null);
  const close = () => setDialog(null);
  const where = { groupId: group.id, name: group.name };
  const manages = may("device-groups:update", where);
  const byHand = group.query === null;
  return (
    <Page
      title={group.name}
      aside={
        <span className="dim">
          {text.common.devices(members.length)} ·{" "}
          <Link to="/groups" search={{}}>
            {words.back}
          </Link>
        </span>
      }
      actions={
        <>
          {may("commands:create", { groupId: group.id }) && (
            <Button
              leftSection={<CommandIcon size={14} />}
              disabled={members.length === 0}
              onClick={() => setDialog("command")}
            >
              {words.send}
            </Button>
          )}
          {manages && byHand && (
            <Button
              variant="default"
              leftSection={<PlusIcon size={14} />}
              onClick={() => setDialog("add")}
            >
              {words.add}
            </Button>
          )}
          {group.trusted && may("configurations:update", { groupId: group.id }) && (
            <Button
              variant="default"
              leftSection={<SettingsIcon size={14} />}
              onClick={() => setDialog("config")}
            >
              {words.config.open}
            </Button>
          )}
          {manages && (
            <Button variant="default" onClick={() => setDialog("change")}>
              {byHand ? words.rename : words.change}
            </Button>
          )}
          {may("role-bindings:list") && (
            <Button
              variant="default"
              leftSection={<UserIcon size={14} />}
              onClick={() => setDialog("access")}
            >
              {words.access}
            </Button>
          )}
          {may("device-groups:delete", where) && (
            <Button
              variant="default"
              leftSection={<TrashIcon size={14} />}
              onClick={() => setDialog("delete")}
            >
              {words.delete}
            </Button>
          )}
        </>
      }
      fill
    >
      {group.query !== null && (
        <p className={classes.meaning}>
          <code>{group.query}</code>
          <Hint>{group.trusted ? words.trusted : words.swept}</Hint>
        </p>
      )}
      <Listed
        count={members.length}
        reading={reading}
        empty={
          <Empty icon={FleetIcon} title={words.noMembers}>
            {manages && byHand && <p>{words.noMembersHint}</p>}
          </Empty>
        }
      >
        <Members group={group} members={members} />
      </Listed>
      {dialog === "command" && <CommandDialog targets={members} onClose={close} />}
      {dialog === "config" && <ConfigDialog group={group} onClose={close} />}
      {dialog === "access" && (
        <Modal
          opened
          onClose={close}
          title={words.accessTitle(group.name)}
          size="xl"
          closeButtonProps={{ "aria-label": text.common.close }}
        >
          <Bindings of={{ kind: "group", id: group.id }} />
        </Modal>
      )}
      {dialog === "add" && <AddDialog group={group} onClose={close} />}
      {dialog === "change" && (
        <GroupDialog
          title={byHand ? words.renameTitle(group.name) : words.changeTitle(group.name)}
          act={byHand ? words.rename : words.change}
          group={group}
          save={(name, query) => change(group.id, name, query)}
          onSaved={() => void readMembers()}
          onClose={close}
        />
      )}
      {dialog === "delete" && <Delete group={group} onClose={close} />}
    </Page>
  );
}

function Members({ group, members }: { group: Group; members: readonly Device[] }) {
  const compact = useCompact();
  const words = useText().groups;
  const may = useMay()("device-groups:update", { groupId: group.id, name: group.name });
  const manages = may && group.query === null;
  const [q, setQ] = useState("");
  const [marked, setChosen] = useState<ReadonlySet<string>>(new Set());
  const chosen = useMemo(() => among(marked, members), [marked, members]);
  const shown = useMemo(() => matching(members, q), [members, q]);
  const hidden = hiddenOf(chosen, shown);
  const removal = useChange((ids: string[]) => removeMembers(group.id, ids), {
    stale: [GROUPS],
    done: words.removed(chosen.size),
    onDone: () => setChosen(new Set()),
  });
  return (
    <>
      <div className={classes.toolbar}>
        <TextInput
          data-search
          aria-label={words.searchMembers}
          placeholder={words.searchMembers}
          leftSection={<SearchIcon size={15} />}
          value={q}
          onChange={event => setQ(event.currentTarget.value)}
        />
        {chosen.size > 0 && (
          <>
            <strong role="status">
              {hidden > 0 ? words.chosenHidden(chosen.size, hidden) : words.chosen(chosen.size)}
            </strong>
            {hidden > 0 && (
              <Button variant="subtle" onClick={() => setQ("")}>
                {words.showAll}
              </Button>
            )}
            <Button
              variant="default"
              loading={removal.isPending}
              onClick={() => removal.mutate([...chosen])}
            >
              {words.removeCount(chosen.size)}
            </Button>
          </>
        )}
      </div>
      <div className={classes.frame}>
        {shown.length > 0 ? (
          <DeviceList
            devices={shown}
            compact={compact}
            label={words.members}
            chosen={chosen}
            onChoose={manages ? id => setChosen(toggled(chosen, id)) : undefined}
          />
        ) : (
          <div className={classes.nothing}>
            <Hint>{words.noMatch}</Hint>
          </div>
        )}
      </div>
    </>
  );
}

function Delete({ group, onClose }: { group: Group; onClose: () => void }) {
  const words = useText().groups;
  const navigate = useNavigate({ from: "/groups" });
  const change = useChange(() => remove(group.id), {
    stale: [GROUPS],
    done: words.deleted(group.name),
    onDone: () => void navigate({ search: {} }),
  });
  return (
    <Confirm
      title={words.deleteTitle(group.name)}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}

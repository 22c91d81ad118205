import { SegmentedControl } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type Approval, useApprovals } from "../../api/approvals";
import { Empty } from "../../parts/Empty";
import { ApprovalIcon } from "../../parts/icons";
import { Hint } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { type Text, useText } from "../../text";
import { ApprovalDrawer } from "./ApprovalDrawer";
import type { ApprovalsSearch } from "./search";
import { whatOf } from "./whatOf";

/** What waits for a second person, and what was decided. */
export function ApprovalsPage() {
  const text = useText();
  const words = text.approvals;
  const search = useSearch({ from: "/approvals" });
  const navigate = useNavigate({ from: "/approvals" });
  const go = (next: ApprovalsSearch) => void navigate({ search: next, replace: true });
  const { id, ...shown } = search;
  const waiting = search.show === undefined;
  const approvals = useApprovals(waiting);
  return (
    <Page
      title={text.shell.pages.approvals}
      actions={
        <SegmentedControl
          aria-label={words.show}
          size="xs"
          value={waiting ? "waiting" : "decided"}
          onChange={value => go(value === "decided" ? { show: value } : {})}
          data={[
            { value: "waiting", label: words.waiting },
            { value: "decided", label: words.decided },
          ]}
        />
      }
    >
      <Hint>{words.hint}</Hint>
      <DataTable
        label={text.shell.pages.approvals}
        columns={columnsOf(text, shown)}
        rows={approvals.data ?? []}
        keyOf={row => row.id}
        marks={row => ({ "data-approval": row.id })}
        least={640}
        reading={approvals}
        empty={
          <Empty icon={ApprovalIcon} title={waiting ? words.none : words.noneDecided}>
            {waiting && <p>{words.noneHint}</p>}
          </Empty>
        }
      />
      {id !== undefined && <ApprovalDrawer id={id} onClose={() => go(shown)} />}
    </Page>
  );
}

function columnsOf(text: Text, shown: ApprovalsSearch): Column<Approval>[] {
  const words = text.approvals;
  return [
    {
      key: "what",
      title: words.what,
      cell: row => (
        <Link to="/approvals" search={{ ...shown, id: row.id }}>
          {whatOf(row, text)}
        </Link>
      ),
    },
    {
      key: "targets",
      title: words.targets,
      cell: row => (row.targetCount === 1 ? row.targets[0] : words.targetCount(row.targetCount)),
    },
    { key: "by", title: words.by, cell: row => row.askedBy },
    { key: "asked", title: words.asked, cell: row => <TimeText at={row.askedAt} /> },
    shown.show === undefined
      ? { key: "ends", title: words.ends, cell: row => <TimeText at={row.expiresAt} /> }
      : { key: "state", title: words.state, cell: row => words.statuses[row.status] },
  ];
}

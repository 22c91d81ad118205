import { Button, Stack } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useChange } from "../../api/change";
import {
  changeRole,
  deleteRole,
  type Permission,
  ROLES_OF,
  type RoleItem,
  useCatalogue,
  useRoles,
} from "../../api/rights";
import { Confirm } from "../../parts/Confirm";
import { Actions, Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { roleName } from "../../parts/names";
import { Page, Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { Back } from "./Back";
import { MatrixTable } from "./MatrixTable";
import { type Matrix, matrixOf, rulesOf } from "./matrix";

/** A role: what it gives, as a table of ticks. */
export function RoleView({ id }: { id: string }) {
  const text = useText();
  const words = text.users.roles;
  const may = useMay();
  const roles = useRoles();
  const catalogue = useCatalogue();
  const role = roles.data?.find(({ name }) => name === id);
  const failed = [roles, catalogue].find(({ isError }) => isError);
  const known = catalogue.data;
  return (
    <Page
      title={roleName(id, text)}
      aside={<Back to={{ tab: "roles" }} label={text.users.all.roles} />}
      actions={
        role && !role.builtIn && may("roles:delete", { name: id }) && <DeleteRole name={id} />
      }
    >
      {failed && <ProblemLine error={failed.error} onRetry={() => void failed.refetch()} />}
      {(roles.isPending || catalogue.isPending) && <Loading height={240} />}
      {roles.isSuccess && role === undefined && <ProblemLine error={new Error(words.gone)} />}
      {role && known && <Rules role={role} catalogue={known} />}
    </Page>
  );
}

function Rules({ role, catalogue }: { role: RoleItem; catalogue: readonly Permission[] }) {
  const text = useText();
  const words = text.users.roles;
  const may = useMay();
  const [edited, setEdited] = useState<Matrix | null>(null);
  const stands = matrixOf(role.rules, catalogue);
  const change = useChange((matrix: Matrix) => changeRole(role.name, rulesOf(matrix)), {
    stale: [ROLES_OF],
    done: text.users.changed,
    onDone: () => setEdited(null),
  });
  const edits = !role.builtIn && may("roles:update", { name: role.name });
  return (
    <Section title={words.gives} flush={false}>
      <Stack gap="sm">
        <Hint>{role.builtIn ? words.builtInHint : words.hint}</Hint>
        <MatrixTable
          matrix={edited ?? stands}
          catalogue={catalogue}
          rules={role.rules}
          onChange={edits ? setEdited : null}
        />
        {edits && (
          <Actions>
            <Button variant="default" disabled={edited === null} onClick={() => setEdited(null)}>
              {text.common.cancel}
            </Button>
            <Button
              disabled={edited === null}
              loading={change.isPending}
              onClick={() => edited && change.mutate(edited)}
            >
              {text.common.save}
            </Button>
          </Actions>
        )}
      </Stack>
    </Section>
  );
}

function DeleteRole({ name }: { name: string }) {
  const words = useText().users.roles;
  const navigate = useNavigate({ from: "/users" });
  const [asking, setAsking] = useState(false);
  const change = useChange(() => deleteRole(name), {
    stale: [ROLES_OF],
    onDone: () => void navigate({ search: { tab: "roles" } }),
  });
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>
        {words.delete}
      </Button>
      {asking && (
        <Confirm
          title={words.deleteTitle(name)}
          act={words.delete}
          busy={change.isPending}
          onConfirm={() => change.mutate(undefined)}
          onClose={() => setAsking(false)}
        >
          {words.deleteHint}
        </Confirm>
      )}
    </>
  );
}

import { Stack } from "@mantine/core";
import { useUsers } from "../../api/users";
import { Bindings } from "../../parts/Bindings";
import { Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { Page, Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { SessionTable } from "../../parts/SessionTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { Access } from "./Access";
import { Back } from "./Back";

/** A member: roles, why somebody may, where somebody is signed in. */
export function UserView({ id }: { id: string }) {
  const text = useText();
  const words = text.users;
  const may = useMay();
  const users = useUsers(true);
  const user = users.data?.find(one => one.id === id);
  if (user === undefined) {
    return (
      <Page title={words.name} aside={<Back to={{}} label={words.all.users} />}>
        {users.isPending && <Loading height={120} />}
        {users.isError && <ProblemLine error={users.error} onRetry={() => void users.refetch()} />}
        {users.isSuccess && <ProblemLine error={new Error(words.gone)} />}
      </Page>
    );
  }
  return (
    <Page title={user.username} aside={<Back to={{}} label={words.all.users} />}>
      {may("role-bindings:list") && (
        <Section title={words.bindings.title}>
          <Stack gap="sm">
            <Hint>{words.bindings.ofUserHint}</Hint>
            <Bindings of={{ kind: "user", id }} />
          </Stack>
        </Section>
      )}
      {may("users:get") && <Access userId={id} username={user.username} />}
      {may("sessions:list") && (
        <Section title={words.sessions} flush>
          <SessionTable bare userId={id} ends={may("sessions:delete")} />
        </Section>
      )}
    </Page>
  );
}

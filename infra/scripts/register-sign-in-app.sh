#!/usr/bin/env bash
# Registers the Entra application that people sign in with on Vigia's pages. No client secret: the app's managed identity
# vouches for it (a federated credential). Needs layer 1 (infra/base) to be deployed. Safe to repeat: what exists is kept.
#
#   az login --tenant <tenant>
#   infra/scripts/register-sign-in-app.sh dev
set -euo pipefail

if [ $# -ne 1 ]; then
  echo "usage: $0 ENVIRONMENT    for example: $0 dev" >&2
  exit 2
fi
command -v az >/dev/null || { echo "the Azure CLI (az) is not on the PATH: https://aka.ms/azure-cli" >&2; exit 2; }

environment=$1
group="rg-vigia-${environment}"
name="vigia-sign-in-${environment}"
graph=https://graph.microsoft.com/v1.0

host=$(az functionapp list --resource-group "$group" --query "[?!starts_with(name, 'func-vigia-work-')].defaultHostName | [0]" --output tsv)
identity=$(az identity show --resource-group "$group" --name "id-vigia-${environment}" --query principalId --output tsv)
if [ -z "$host" ] || [ -z "$identity" ]; then
  echo "no function app or identity in ${group}: deploy layer 1 (infra/base) first" >&2
  exit 1
fi
login=$(az cloud show --query endpoints.activeDirectory --output tsv)
tenant=$(az account show --query tenantId --output tsv)

app_id=$(az ad app list --filter "displayName eq '${name}'" --query '[0].appId' --output tsv)
if [ -z "$app_id" ]; then
  app_id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
  echo "registered ${name} (${app_id})" >&2
fi
object_id=$(az ad app show --id "$app_id" --query id --output tsv)
az rest --method PATCH --uri "${graph}/applications/${object_id}" --output none --headers Content-Type=application/json \
    --body "{
  \"web\": {
    \"redirectUris\": [\"https://${host}/.auth/login/aad/callback\"],
    \"implicitGrantSettings\": {\"enableIdTokenIssuance\": true}
  }
}"
# Whoever has one of these roles may approve; who may approve which model is the policy's business.
role() { # VALUE DESCRIPTION: prints one application role as JSON
  echo "{\"id\": \"$(python3 -c 'import uuid; print(uuid.uuid4())')\", \"value\": \"$1\", \"displayName\": \"$1\",
    \"description\": \"$2\", \"allowedMemberTypes\": [\"User\"], \"isEnabled\": true}"
}
if [ -z "$(az ad app show --id "$app_id" --query "appRoles[?value=='Approver'] | [0].id" --output tsv)" ]; then
  az rest --method PATCH --uri "${graph}/applications/${object_id}" --output none --headers Content-Type=application/json \
    --body "{\"appRoles\": [$(role Approver "Decides on releases."), $(role Admin "Decides on releases and runs Vigia.")]}"
  echo "added the roles Approver and Admin" >&2
fi
az ad sp show --id "$app_id" --output none 2>/dev/null || az ad sp create --id "$app_id" --output none
# Only who was assigned to the application, or to one of its roles, gets a token for it at all.
az ad sp update --id "$app_id" --set appRoleAssignmentRequired=true --output none

credential=vigia-app-identity
if [ -z "$(az ad app federated-credential list --id "$app_id" --query "[?name=='${credential}'].id" --output tsv)" ]; then
  az ad app federated-credential create --id "$app_id" --output none --parameters "{
    \"name\": \"${credential}\", \"subject\": \"${identity}\", \"audiences\": [\"api://AzureADTokenExchange\"],
    \"issuer\": \"${login%/}/${tenant}/v2.0\"
  }"
  echo "the app's managed identity may now vouch for ${name}" >&2
fi

cat <<END
# Put this into infra/environments/${environment}.yaml, then deploy infra/base again:
entra:
  signIn:
    clientId: "${app_id}"
END

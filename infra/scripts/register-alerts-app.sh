#!/usr/bin/env bash
# Registers the Entra application that Azure Monitor's action groups show a token for when they call /api/alerts.
# Bicep cannot do this: it is Microsoft Graph's business. Safe to repeat: what exists is kept.
#
#   az login --tenant <tenant>
#   infra/scripts/register-alerts-app.sh dev
#
# Needs the right to register applications and to assign application roles (Application Administrator, or Cloud
# Application Administrator). Whoever deploys the action group must own the application: give their object id as the
# second argument if it is not you.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: $0 ENVIRONMENT [OWNER_OBJECT_ID]    for example: $0 dev" >&2
  exit 2
fi
command -v az >/dev/null || { echo "the Azure CLI (az) is not on the PATH: https://aka.ms/azure-cli" >&2; exit 2; }

environment=$1
owner=${2:-$(az ad signed-in-user show --query id --output tsv)}
name="vigia-alerts-${environment}"
role=ActionGroupsSecureWebhook
graph=https://graph.microsoft.com/v1.0
# "AzNS AAD Webhook": the first-party application that action groups sign in with, the same in every tenant.
# https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups#configure-authentication-for-secure-webhook
action_groups=461e8683-5575-4561-ac7f-899cc907d62a

service_principal_of() { # APP_ID: prints the object id of its service principal, which is created if need be
  az ad sp show --id "$1" --query id --output tsv 2>/dev/null || az ad sp create --id "$1" --query id --output tsv
}

app_id=$(az ad app list --filter "displayName eq '${name}'" --query '[0].appId' --output tsv)
if [ -z "$app_id" ]; then
  app_id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
  echo "registered ${name} (${app_id})" >&2
fi
object_id=$(az ad app show --id "$app_id" --query id --output tsv)
identifier_uri="api://${app_id}"

role_id=$(az ad app show --id "$app_id" --query "appRoles[?value=='${role}'] | [0].id" --output tsv)
if [ -z "$role_id" ]; then
  role_id=$(python3 -c 'import uuid; print(uuid.uuid4())')
  az rest --method PATCH --uri "${graph}/applications/${object_id}" --output none --headers Content-Type=application/json \
    --body "{
    \"api\": {\"requestedAccessTokenVersion\": 2},
    \"identifierUris\": [\"${identifier_uri}\"],
    \"appRoles\": [{
      \"id\": \"${role_id}\", \"value\": \"${role}\", \"displayName\": \"${role}\", \"isEnabled\": true,
      \"description\": \"May post alerts to Vigia.\", \"allowedMemberTypes\": [\"Application\"]
    }]
  }"
  echo "added the role ${role}" >&2
fi

if [ -z "$(az ad app owner list --id "$app_id" --query "[?id=='${owner}'].id" --output tsv)" ]; then
  az ad app owner add --id "$app_id" --owner-object-id "$owner"
  echo "added the owner ${owner}" >&2
fi

resource=$(service_principal_of "$app_id")
# Without this, Entra would give a token for this application to any application of the tenant.
az ad sp update --id "$resource" --set appRoleAssignmentRequired=true --output none
caller=$(service_principal_of "$action_groups")
assigned=$(az rest --method GET --uri "${graph}/servicePrincipals/${resource}/appRoleAssignedTo" \
  --query "value[?principalId=='${caller}' && appRoleId=='${role_id}'] | [0].id" --output tsv)
if [ -z "$assigned" ]; then
  az rest --method POST --uri "${graph}/servicePrincipals/${resource}/appRoleAssignedTo" \
    --headers Content-Type=application/json --output none \
    --body "{\"principalId\": \"${caller}\", \"resourceId\": \"${resource}\", \"appRoleId\": \"${role_id}\"}"
  echo "gave the role to Azure Monitor's action groups" >&2
fi

cat <<END
# Put this into infra/environments/${environment}.yaml, then deploy both layers again:
entra:
  alerts:
    objectId: "${object_id}"
    identifierUri: "${identifier_uri}"
END

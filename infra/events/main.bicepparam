using 'main.bicep'

// loadYamlContent() takes constant paths only, so the environments are listed here.
var environments = {
  dev: loadYamlContent('../environments/dev.yaml')
  prod: loadYamlContent('../environments/prod.yaml')
}

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'dev')
param config = environments[readEnvironmentVariable('AZURE_ENV_NAME', 'dev')]
